import { existsSync, readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { AdsClient } from '../../support/ads-client.ts';
import { type RunningProgram, waitUntil } from '../../support/processes.ts';
import { createTestMesh, type TestMesh } from './mesh.ts';

/** Ports of the documentation: xDS and bootstrap, diagnostics, REST, and REST with the bootstrap of 0.1. */
export const PORTS = { xds: 5678, diagnostics: 5680, rest: 5681, mixed: 5682 };
/** What no test may make of the control plane, whatever it sends. It starts near 120 MB. */
const MAX_RSS_MB = 400;

/** A built control plane under attack, and one proxy that wants to be served all the while. */
export interface Target {
  readonly mesh: TestMesh;
  readonly program: RunningProgram;
  /** PEM of its private CA. */
  readonly ca: string;
  /**
   * Throws unless it is the same process, has not grown, logged nothing but whole lines of its own, gave the proxy that
   * is connected a change made now, and lets another one connect.
   */
  stillServes(): Promise<void>;
  /** From now on: what it logs. */
  followLog(): () => string;
  close(): Promise<void>;
}

export async function startTarget(): Promise<Target> {
  const mesh = await createTestMesh();
  try {
    return await attackable(mesh);
  } catch (error) {
    await mesh.close();
    throw error;
  }
}

async function attackable(mesh: TestMesh): Promise<Target> {
  const program = await mesh.startControlPlane();
  const ca = readFileSync(`${mesh.home}/.kuma/ca.crt`, 'utf8');
  let port = 21_000;
  let changes = 0;
  const change = () => put(aDataplane('witness', ++port));
  const connect = (onChange: () => void) =>
    new AdsClient({
      target: { port: PORTS.xds, ca },
      mode: 'delta',
      node: { id: 'default.witness' },
      onResponse: onChange,
    });
  await change();
  const witness = connect(() => changes++);
  await warm(witness, program);
  const other = JSON.stringify(aDataplane('other', 20_999));
  return {
    mesh,
    program,
    ca,
    async stillServes() {
      expect(program.exit()).toBeUndefined();
      const before = changes;
      await change();
      await waitUntil(() => changes > before, { describe: () => 'the connected proxy to get a change' });
      const newcomer = new AdsClient({
        target: { port: PORTS.xds, ca },
        mode: 'sotw',
        node: { id: 'default.other', metadata: { 'dataplane.resource': other } },
      });
      await warm(newcomer, program);
      newcomer.close();
      expect(rssMb(program.pid)).toBeLessThan(MAX_RSS_MB);
      for (const line of program.output().split('\n').slice(0, -1)) expect(line).toMatch(LOG_LINE);
    },
    followLog() {
      const start = program.output().length;
      return () => program.output().slice(start);
    },
    async close() {
      witness.close();
      await mesh.close();
    },
  };
}

function warm(client: AdsClient, program: RunningProgram): Promise<true> {
  return waitUntil(() => client.warm || undefined, {
    describe: () => `a proxy to be served; the control plane logged:\n${program.output().slice(-5_000)}`,
  });
}

function aDataplane(name: string, outboundPort: number) {
  return {
    type: 'Dataplane',
    mesh: 'default',
    name,
    networking: {
      address: '127.0.0.1',
      inbound: [{ port: 20_001, servicePort: 20_000, tags: { 'kuma.io/service': name } }],
      outbound: [{ port: outboundPort, tags: { 'kuma.io/service': name } }],
    },
  };
}

async function put(resource: { readonly name: string }): Promise<void> {
  const url = `http://127.0.0.1:${PORTS.rest}/meshes/default/dataplanes/${resource.name}`;
  const answer = await fetch(url, { method: 'PUT', body: JSON.stringify(resource) });
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`);
}

/** A stack trace, or a stranger's bytes that got a line of their own, would not match. */
const LOG_LINE = /^\d{4}-\d\d-\d\dT[\d:.]+Z (DEBUG|INFO |WARN |ERROR) kuma-cp \P{Cc}+$/u;

function rssMb(pid: number): number {
  // The launcher replaces itself with Node: the pid is the control plane's.
  const status = existsSync(`/proc/${pid}/status`) ? readFileSync(`/proc/${pid}/status`, 'utf8') : '';
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? Number.NaN) / 1024;
}
