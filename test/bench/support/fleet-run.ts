import { setTimeout as sleep } from 'node:timers/promises';
import { ENDPOINT, ROUTE } from '../../../src/envoy/type-urls.ts';
import type { Fleet } from '../../support/fleet.ts';
import { type BenchControlPlane, startControlPlane } from './control-plane.ts';
import {
  COMMON,
  connectFleet,
  endpointOf,
  MESH,
  RARE,
  rareCallers,
  routeOf,
  storeMesh,
} from './fleet-mesh.ts';
import { cpuSeconds, memoryOf, peakRssMb } from './usage.ts';

/** A control plane with a connected fleet, all warm. */
export interface FleetRun {
  readonly cp: BenchControlPlane;
  readonly fleet: Fleet;
  readonly count: number;
  readonly warmMs: number;
}

/** Starts both, runs `measure` and ends both. */
export async function withFleet<T>(count: number, measure: (run: FleetRun) => Promise<T>): Promise<T> {
  const cp = await startControlPlane();
  await storeMesh(cp, count);
  const fleet = await connectFleet(cp, count);
  try {
    const { lastMs } = await fleet.allWarm();
    return await measure({ cp, fleet, count, warmMs: lastMs });
  } finally {
    fleet.close();
    await cp.stop();
  }
}

/** One change: what is written, and by what a proxy shows that it has it. */
export interface Change {
  readonly path: string;
  readonly document: object;
  readonly typeUrl: string;
  /** How the names of what changes begin. */
  readonly name: string;
  /** Those who get it; all when absent. */
  readonly among?: readonly number[];
}

let version = 0;

/** Another address for the one endpoint of a service that every proxy calls. */
export function endpointChange(): Change {
  return {
    path: `/meshes/${MESH}/dataplanes/${COMMON}-1`,
    document: endpointOf(COMMON, ++version),
    typeUrl: ENDPOINT,
    name: COMMON,
  };
}

/** The same for a service that 150 of 1000 call. */
export function rareChange(count: number): Change {
  return {
    path: `/meshes/${MESH}/dataplanes/${RARE}-1`,
    document: endpointOf(RARE, ++version),
    typeUrl: ENDPOINT,
    name: RARE,
    among: rareCallers(count),
  };
}

/** Other weights for the calls of every proxy to one service. */
export function routeChange(): Change {
  const percent = 1 + (++version % 99);
  return {
    path: `/meshes/${MESH}/traffic-routes/split`,
    document: routeOf(percent),
    typeUrl: ROUTE,
    name: `outbound:${COMMON}`,
  };
}

/** Time from the start of the PUT until each proxy has the change, in ms, sorted. */
export async function timeChange({ cp, fleet }: FleetRun, change: Change): Promise<readonly number[]> {
  const { path, document, typeUrl, name, among } = change;
  const before = new Map(fleet.proxies.map((proxy) => [proxy, fingerprint(proxy.held(typeUrl), name)]));
  const all = fleet.waitUntilAll((proxy) => {
    return proxy.warm && fingerprint(proxy.held(typeUrl), name) !== before.get(proxy);
  }, among);
  await cp.put(path, document);
  return (await all).allMs;
}

/** Names and versions of what belongs to a service: it has a cluster of its own for each subset of its endpoints. */
function fingerprint(held: ReadonlyMap<string, { readonly version: string }>, prefix: string): string {
  let text = '';
  for (const [name, { version }] of held) if (name.startsWith(prefix)) text += `${name}=${version} `;
  return text;
}

/** All times of several changes of a kind, some time apart. */
export async function timeChanges(
  run: FleetRun,
  next: () => Change,
  { times, pauseMs }: { readonly times: number; readonly pauseMs: number },
): Promise<readonly number[]> {
  const found: number[] = [];
  for (let i = 0; i < times; i++) {
    found.push(...(await timeChange(run, next())));
    await sleep(pauseMs);
  }
  return found;
}

/** Mean CPU seconds of the control plane for one change, with what it does in the second after it. */
export async function cpuPerChange(run: FleetRun, next: () => Change, times: number): Promise<number> {
  const { pid } = run.cp.program;
  await sleep(3_000);
  const before = cpuSeconds(pid);
  await timeChanges(run, next, { times, pauseMs: 2_500 });
  return (cpuSeconds(pid) - before) / times;
}

/** Cores the control plane uses while nothing changes. */
export async function idleCores({ cp }: FleetRun, seconds = 20): Promise<number> {
  await sleep(5_000);
  const before = cpuSeconds(cp.program.pid);
  const start = performance.now();
  await sleep(seconds * 1_000);
  return (cpuSeconds(cp.program.pid) - before) / ((performance.now() - start) / 1_000);
}

export function memory({ cp }: FleetRun): { rssMb: number; privateDirtyMb: number; peakRssMb: number } {
  return { ...memoryOf(cp.program.pid), peakRssMb: peakRssMb(cp.program.pid) };
}
