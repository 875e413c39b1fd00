import { X509Certificate } from 'node:crypto';
import { stringify as toYaml } from 'yaml';
import type { BootstrapReply, BootstrapRequest } from '../../bootstrap/contract.ts';
import { FEATURE_DELTA_GRPC } from '../../bootstrap/contract.ts';
import { type AdminAddress, SOCKET_PATH_LIMIT, toSidecarParameters } from '../../bootstrap/parameters.ts';
import { renderTemplate } from '../../bootstrap/template.ts';
import { describeViolations } from '../../lib/violations.ts';
import { readResource } from '../../model/read-resource.ts';
import type { ResourceKey } from '../../model/resource.ts';
import type { DataplaneSpec } from '../../model/resources/dataplane-spec.ts';
import { toNodeId } from '../lifecycle/proxy-id.ts';
import { parseBroughtDataplane } from './brought-dataplane.ts';
import { toNodeMetadata } from './node-metadata.ts';
import { parseBootstrapRequest } from './parse-request.ts';

/** What the handler needs of the rest of the control plane. */
export interface BootstrapContext {
  /** Text of `bootstrap-templates/sidecar.yaml`. */
  readonly template: string;
  readonly getDataplane: (mesh: string, name: string) => Promise<DataplaneSpec | undefined>;
  readonly meshExists: (mesh: string) => Promise<boolean>;
  /** Host Envoy is told to dial; the one the agent used when undefined. */
  readonly xdsHost: string | undefined;
  readonly xdsPort: number;
  /** PEM Envoy trusts for xDS when the agent brings none. */
  readonly caPem: () => string;
  /** Whether the serving certificate covers this host name or address. */
  readonly coversHost: (host: string) => boolean;
  /** Port of Envoy's admin when neither a work directory nor a port is given; 0.1's default 0 means none was set. */
  readonly adminPort: number;
}

export interface BootstrapCall {
  readonly body: string;
  /** `Host` header. */
  readonly host: string;
  readonly accept: string;
}

export interface BootstrapAnswer {
  readonly status: number;
  readonly contentType?: string;
  readonly body: string;
  /** For the log. */
  readonly reason?: string;
}

/** Envoy and Go read YAML by rules of 1.1, where a plain `on` is a boolean and a date a time: every text is quoted. */
const QUOTED = { defaultStringType: 'QUOTE_DOUBLE', lineWidth: 0 } as const;

/** `POST /bootstrap`, both forms. Status codes and empty bodies are those of Kuma 2.14. */
export async function answerBootstrap(
  call: BootstrapCall,
  context: BootstrapContext,
): Promise<BootstrapAnswer> {
  const request = parseBootstrapRequest(call.body);
  if (request === undefined) return { status: 400, body: '', reason: 'not a JSON object with mesh and name' };
  if ((request.proxyType ?? 'dataplane') !== 'dataplane') {
    return { status: 500, body: '', reason: `proxy type ${request.proxyType} is not served` };
  }
  const xdsHost = context.xdsHost ?? hostName(call.host);
  if (context.xdsHost === undefined && !context.coversHost(xdsHost)) return refuseHost(xdsHost);
  const ca = request.caCert === undefined ? undefined : checkCa(request.caCert);
  if (ca !== undefined) return ca;
  const found = await findDataplane(request, context);
  if ('status' in found) return found;
  const tree = renderTemplate(context.template, parametersFor(request, found, context, xdsHost));
  const bootstrap = toYaml(tree, QUOTED);
  if (!call.accept.includes('application/json'))
    return { status: 200, contentType: 'text/x-yaml', body: bootstrap };
  const reply: BootstrapReply = {
    bootstrap: Buffer.from(bootstrap, 'utf8').toString('base64'),
    kumaSidecarConfiguration: {
      networking: { address: found.spec.networking.address, corefileTemplate: null },
      metrics: { aggregate: null },
    },
  };
  return { status: 200, contentType: 'application/json', body: JSON.stringify(reply) };
}

interface Found {
  readonly mesh: string;
  readonly name: string;
  readonly spec: DataplaneSpec;
}

/** The object the agent brings, else the stored one. */
async function findDataplane(
  request: BootstrapRequest,
  context: BootstrapContext,
): Promise<Found | BootstrapAnswer> {
  const { mesh, name } = request;
  if (request.dataplaneResource === undefined) {
    if (!(await context.meshExists(mesh))) return unprocessable(`mesh: mesh "${mesh}" does not exist`);
    const spec = await context.getDataplane(mesh, name);
    return spec === undefined
      ? { status: 404, body: '', reason: `no Dataplane ${name} in mesh ${mesh}` }
      : { mesh, name, spec };
  }
  const brought = readBroughtDataplane(request.dataplaneResource);
  if ('status' in brought) return brought;
  if (!(await context.meshExists(brought.key.mesh))) {
    return unprocessable(`mesh: mesh "${brought.key.mesh}" does not exist`);
  }
  return { mesh: brought.key.mesh, name: brought.key.name, spec: brought.spec };
}

function readBroughtDataplane(text: string): { key: ResourceKey; spec: DataplaneSpec } | BootstrapAnswer {
  const document = parseBroughtDataplane(text);
  if (document.kind === 'invalid') {
    return { status: 500, body: '', reason: `dataplaneResource: ${document.reason}` };
  }
  const { spec: resource, violations } = readResource(document.value);
  if (resource === undefined) return unprocessable(describeViolations(violations));
  if (resource.key.type !== 'Dataplane') {
    return { status: 500, body: '', reason: `dataplaneResource is a ${resource.key.type}` };
  }
  return { key: resource.key, spec: resource.spec as DataplaneSpec };
}

function parametersFor(request: BootstrapRequest, found: Found, context: BootstrapContext, xdsHost: string) {
  const admin = adminAddressFor(request, found.spec, context.adminPort);
  return toSidecarParameters({
    nodeId: toNodeId(found),
    nodeCluster: serviceOf(found.spec),
    nodeMetadata: toNodeMetadata(request, admin),
    admin,
    ads: {
      host: xdsHost,
      port: context.xdsPort,
      delta: request.features === undefined ? true : request.features.includes(FEATURE_DELTA_GRPC),
      caPem: request.caCert ?? context.caPem(),
      ...(request.dataplaneToken === undefined ? {} : { headers: { authorization: request.dataplaneToken } }),
    },
  });
}

const DEFAULT_ADMIN_PORT = 9901;

/** A socket in the agent's directory when it names one; TCP on loopback for agents that know nothing else. */
function adminAddressFor(
  request: BootstrapRequest,
  spec: DataplaneSpec,
  configuredPort: number,
): AdminAddress {
  if (request.workdir !== undefined) {
    const path = `${`${request.workdir}/kuma-envoy-admin`.slice(0, SOCKET_PATH_LIMIT)}.sock`;
    return { kind: 'socket', path };
  }
  const port =
    request.adminPort ??
    spec.networking.admin?.port ??
    (configuredPort === 0 ? DEFAULT_ADMIN_PORT : configuredPort);
  return { kind: 'tcp', address: '127.0.0.1', port };
}

function serviceOf({ networking }: DataplaneSpec): string {
  const tags = networking.inbound?.[0]?.tags ?? networking.gateway?.tags;
  return tags?.['kuma.io/service'] ?? 'unknown';
}

function unprocessable(body: string): BootstrapAnswer {
  return { status: 422, contentType: 'text/plain; charset=utf-8', body, reason: body };
}

function refuseHost(host: string): BootstrapAnswer {
  const body =
    `the certificate of this control plane does not cover "${host}", the host this proxy dials. ` +
    'Use one of its names, or set bootstrapServer.params.xdsHost, or give kuma-cp a certificate that has it (general.tlsCertFile).';
  return { status: 400, contentType: 'text/plain; charset=utf-8', body, reason: `host ${host} not covered` };
}

function checkCa(pem: string): BootstrapAnswer | undefined {
  try {
    if (new X509Certificate(pem).ca) return undefined;
  } catch {
    return { status: 500, body: '', reason: 'caCert is not PEM' };
  }
  const body =
    'the certificate given to verify this control plane is not a certificate authority; give the CA that signed it';
  return { status: 400, contentType: 'text/plain; charset=utf-8', body, reason: 'caCert is not a CA' };
}

/** Host header without its port; IPv6 brackets taken off. */
function hostName(host: string): string {
  const bracketed = /^\[([^\]]+)\]/.exec(host);
  return bracketed?.[1] ?? host.replace(/:\d+$/, '');
}
