import { isJsonObject, type JsonObject } from '../../lib/json.ts';
import { describeViolations } from '../../lib/violations.ts';
import type { Resource } from '../../model/resource.ts';
import type { DataplaneSpec } from '../../model/resources/dataplane-spec.ts';
import { StreamRefused } from '../../xds/callbacks.ts';
import { parseBroughtDataplane } from '../bootstrap/brought-dataplane.ts';
import type { ResourceManager } from '../resources/manager.ts';
import { type ProxyId, toNodeId } from './proxy-id.ts';
import type { ProxyRegistry } from './proxy-streams.ts';

/** Marks a Dataplane that an agent brought and that goes when the agent leaves. */
const MANAGED_BY = 'kuma.io/managed-by';
const AGENT = 'kuma-dp';

export function isBroughtByAgent(resource: Resource): boolean {
  return resource.labels[MANAGED_BY] === AGENT;
}

export interface RegistryOptions {
  readonly manager: Pick<ResourceManager, 'get' | 'put' | 'delete'>;
  /** Whether a stream of the proxy is open or about to be: then its Dataplane is not removed. */
  readonly hasStream: (proxy: ProxyId) => boolean;
}

/** Dataplanes behind streams. Work on one proxy goes in turn, so that a late removal cannot overtake a new start. */
export function createProxyRegistry({ manager, hasStream }: RegistryOptions): ProxyRegistry {
  const turns = new Map<string, Promise<unknown>>();
  const inTurn = <T>(proxy: ProxyId, work: () => Promise<T>): Promise<T> => {
    const nodeId = toNodeId(proxy);
    const result = (turns.get(nodeId) ?? Promise.resolve()).then(work, work);
    const settled = result
      .catch(() => undefined)
      .then(() => {
        if (turns.get(nodeId) === settled) turns.delete(nodeId);
      });
    turns.set(nodeId, settled);
    return result;
  };
  const find = async (proxy: ProxyId) =>
    (await manager.get(keyOf(proxy))) as Resource<DataplaneSpec> | undefined;
  return {
    find: async (proxy) => (await find(proxy))?.spec,
    register: (proxy, text) => inTurn(proxy, () => register(manager, proxy, text)),
    unregister: (proxy) =>
      inTurn(proxy, async () => {
        const resource = await find(proxy);
        if (resource === undefined || !isBroughtByAgent(resource) || hasStream(proxy)) return;
        await manager.delete(keyOf(proxy));
      }),
  };
}

async function register(
  manager: Pick<ResourceManager, 'put'>,
  proxy: ProxyId,
  text: string,
): Promise<DataplaneSpec> {
  const body = withMark(readBody(proxy, text));
  const outcome = await manager.put({ body, expected: { type: 'Dataplane', ...proxy }, advise: false });
  switch (outcome.kind) {
    case 'created':
    case 'updated':
      return outcome.resource.spec as DataplaneSpec;
    case 'invalid':
      throw refused(proxy, describeViolations(outcome.violations));
    case 'not-found':
      throw refused(proxy, `mesh "${outcome.name}" does not exist`);
    case 'conflict':
      throw new StreamRefused(
        'UNAVAILABLE',
        `could not register proxy ${toNodeId(proxy)}: its Dataplane is written by others at the same time; try again`,
      );
  }
}

function readBody(proxy: ProxyId, text: string): JsonObject {
  const document = parseBroughtDataplane(text);
  if (document.kind === 'invalid') throw refused(proxy, document.reason);
  const { type, mesh, name } = document.value;
  if (type !== 'Dataplane') throw refused(proxy, 'its type is not Dataplane');
  if (mesh !== proxy.mesh || name !== proxy.name)
    throw refused(proxy, 'its mesh and name are not those that the proxy goes by');
  return document.value;
}

function withMark(body: JsonObject): JsonObject {
  return { ...body, labels: { ...(isJsonObject(body.labels) ? body.labels : {}), [MANAGED_BY]: AGENT } };
}

function refused(proxy: ProxyId, why: string): StreamRefused {
  return new StreamRefused(
    'UNKNOWN',
    `could not register proxy ${toNodeId(proxy)} passed in kuma-dp run: ${why}`,
  );
}

function keyOf({ mesh, name }: ProxyId) {
  return { type: 'Dataplane', mesh, name };
}
