import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BootstrapReply } from '../../../../src/bootstrap/contract.ts';
import { loadTemplate } from '../../../../src/bootstrap/load-template.ts';
import { answerBootstrap, type BootstrapContext } from '../../../../src/cp/bootstrap/handler.ts';
import type { DataplaneSpec } from '../../../../src/model/resources/dataplane-spec.ts';

export const testdata = join(import.meta.dirname, 'testdata');
/** Public certificates made for these tests; nobody has their keys. */
export const caPem = readFileSync(join(testdata, 'ca.pem'), 'utf8');
export const leafPem = readFileSync(join(testdata, 'leaf.pem'), 'utf8');

const WEB: DataplaneSpec = {
  networking: { address: '10.0.0.1', inbound: [{ port: 80, tags: { 'kuma.io/service': 'web' } }] },
};

/** A control plane with the mesh `default` and the Dataplane `web` in it. */
export function aContext(changes: Partial<BootstrapContext> = {}): BootstrapContext {
  return {
    template: loadTemplate('sidecar'),
    getDataplane: async (mesh, name) => (mesh === 'default' && name === 'web' ? WEB : undefined),
    meshExists: async (mesh) => mesh === 'default',
    xdsHost: undefined,
    xdsPort: 5678,
    caPem: () => caPem,
    coversHost: (host) => host !== 'other.example',
    adminPort: 0,
    ...changes,
  };
}

/** What a golden case is made of. */
export interface BootstrapCase {
  readonly host: string;
  readonly accept: string;
  readonly request: object;
  /** What the store has for the proxy. */
  readonly stored?: DataplaneSpec;
  readonly xdsHost?: string;
  readonly xdsPort?: number;
}

/** The bootstrap as its agent gets it. Throws unless the answer is 200. */
export async function renderCase(input: unknown): Promise<string> {
  const { host, accept, request, stored, xdsHost, xdsPort = 5678 } = input as BootstrapCase;
  const { status, body } = await answerBootstrap(
    { body: JSON.stringify(request), host, accept },
    aContext({ getDataplane: async () => stored, meshExists: async () => true, xdsHost, xdsPort }),
  );
  if (status !== 200) throw new Error(`answered ${status}: ${body}`);
  if (accept !== 'application/json') return body;
  return Buffer.from((JSON.parse(body) as BootstrapReply).bootstrap, 'base64').toString('utf8');
}
