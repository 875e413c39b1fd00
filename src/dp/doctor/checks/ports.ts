import { existsSync, readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { isPortFree } from '../../../lib/free-port.ts';
import { toHexAddress } from '../../../lib/ip-address.ts';
import { isJsonObject, type JsonObject } from '../../../lib/json.ts';
import { isSameProcessAlive } from '../../../lib/process-id.ts';
import type { AgentConfig } from '../../config/agent-config.ts';
import { findHolders, type Holder } from '../../ports/holders.ts';
import { overlap, toPlace } from '../../ports/place.ts';
import { instancePaths } from '../../run-dir/paths.ts';
import { type Check, error, type Finding, healthy, ill, skipped, warning } from '../check.ts';
import { type Place, readPlaces } from '../places.ts';

/**
 * Whether the ports of the proxy are free, or its own. Two Envoys on one port share it without any error, and without the
 * relay, which holds such listeners back, this is the only place where it shows.
 */
export const portsCheck: Check = {
  name: 'ports',
  async run({ config, proxies }) {
    if (config === undefined) return skipped('settings are unusable');
    const lists = [...proxies.map(placesOf), ownPorts(config)];
    const places = lists.flat();
    if (places.length === 0)
      return skipped('the Dataplane is in the control plane; check its ports with -d FILE');
    const holdersOf = await lookAround(places);
    const ours = new Set(proxies.flatMap(ownProcesses));
    const findings = [
      ...places.flatMap((place) =>
        place.kind === 'service'
          ? judgeService(place, holdersOf(place))
          : judgePlace(place, holdersOf(place), ours),
      ),
      ...judgeTwice(lists),
    ];
    const seen = places.map(({ kind, address, port }) => `${kind} ${address}:${port}`).join(', ');
    return findings.length === 0 ? healthy(seen) : ill(seen, ...findings);
  },
};

/** Who listens at each place; nobody at what is no address. Where /proc leaves it open it is tried out. */
async function lookAround(places: readonly Place[]): Promise<(place: Place) => readonly Holder[]> {
  const sockets = new Map(
    places.flatMap((place) => {
      const socket = toSocket(place);
      return socket === undefined ? [] : [[place, socket] as const];
    }),
  );
  const holders = findHolders([...sockets.values()]);
  const inTheWay = new Map<Place, readonly Holder[]>();
  // One after the other: two tries at the same port would be in each other's way.
  for (const [place, socket] of sockets) {
    const others = holders.get(socket) ?? [];
    if (others.some(({ certain }) => certain) || (others.length > 0 && !(await isFree(place))))
      inTheWay.set(place, others);
  }
  return (place) => inTheWay.get(place) ?? [];
}

async function isFree({ port, address }: Place): Promise<boolean> {
  try {
    return await isPortFree(port, address);
  } catch {
    // Not to be tried by this user.
    return false;
  }
}

/** Undefined for a name. */
function toSocket({ address, port }: Place): ReturnType<typeof toPlace> {
  return toPlace({ protocol: 'tcp', address, port, dual: true });
}

/** With several proxies each field says whose it is. */
function placesOf({ proxy }: AgentConfig, _index: number, all: readonly AgentConfig[]): readonly Place[] {
  const dataplane = proxy.resource === undefined ? {} : (JSON.parse(proxy.resource) as JsonObject);
  const places = readPlaces(dataplane);
  return all.length === 1
    ? places
    : places.map((place) => ({ ...place, field: `${proxy.mesh}.${proxy.name}: ${place.field}` }));
}

/** Two want the same port; within one Envoy the more exact address wins. */
function judgeTwice(lists: readonly (readonly Place[])[]): readonly Finding[] {
  const all = lists.flatMap((list) =>
    list.flatMap((place) => (place.kind === 'service' ? [] : { list, place, socket: toSocket(place) })),
  );
  return all.flatMap(({ list, place, socket }, i) => {
    const where = `${place.address}:${place.port}`;
    const other = all.slice(0, i).find((one) => {
      if (`${one.place.address}:${one.place.port}` === where) return true;
      return (
        one.list !== list && socket !== undefined && one.socket !== undefined && overlap(socket, one.socket)
      );
    })?.place;
    if (other === undefined) return [];
    const also = other.address === place.address ? '' : ` (${other.address}:${other.port})`;
    return [
      error(
        `${place.field}: ${where} is the ${other.kind} port of ${other.field}${also}, too: two Envoys would share its connections`,
        'give one of them another port or address',
      ),
    ];
  });
}

function ownPorts({ envoy, readinessPort }: AgentConfig): readonly Place[] {
  const port = (number: number, field: string): readonly Place[] =>
    number === 0 ? [] : [{ kind: 'admin', address: '127.0.0.1', port: number, field }];
  return [...port(envoy.adminPort, '--admin-port'), ...port(readinessPort, '--readiness-port')];
}

/** The agent of this very proxy and its Envoys, where it runs already. */
function ownProcesses({ runDir, proxy }: AgentConfig): readonly number[] {
  const { agentPid, envoyPid } = instancePaths(runDir, proxy.mesh, proxy.name);
  return [agentPid, envoyPid].flatMap(readPids);
}

function readPids(path: string): readonly number[] {
  if (!existsSync(path)) return [];
  const content: unknown = JSON.parse(readFileSync(path, 'utf8'));
  return (Array.isArray(content) ? content : [content]).flatMap((record: unknown) =>
    isJsonObject(record) &&
    typeof record.pid === 'number' &&
    typeof record.startTicks === 'number' &&
    isSameProcessAlive({ pid: record.pid, startTicks: record.startTicks })
      ? [record.pid]
      : [],
  );
}

function judgePlace(
  { kind, address, port, field }: Place,
  holders: readonly Holder[],
  ours: ReadonlySet<number>,
): readonly Finding[] {
  if (!isLocal(address))
    return [
      error(
        `${field}: ${address} is no address of this machine: Envoy cannot listen there`,
        `ip -brief address; correct the address of the ${kind}`,
      ),
    ];
  const others = holders.filter(({ pid }) => pid === undefined || !ours.has(pid));
  if (others.length === 0) return [];
  const who = [...new Set(others.map(({ text }) => text))].join(' and ');
  const pid = others.find((holder) => holder.pid !== undefined)?.pid;
  return [
    error(
      `${field}: the ${kind} port ${address}:${port} is taken by ${who}`,
      `${pid === undefined ? '' : `stop it (ps -fp ${pid}), or `}choose another port`,
    ),
  ];
}

function judgeService({ address, port, field }: Place, holders: readonly Holder[]): readonly Finding[] {
  if (!isLocal(address) || holders.length > 0) return [];
  return [
    warning(
      `${field}: nothing listens on ${address}:${port}, where the service itself is expected: requests will get 503`,
      'start the service, or correct servicePort',
    ),
  ];
}

/** However the address is spelled. */
function isLocal(address: string): boolean {
  const wanted = toSocket({ kind: 'inbound', address, port: 1, field: '' });
  if (wanted === undefined) return false;
  if (/^(7f.{6}|0{8}|0{31}1|any)$/.test(wanted.address)) return true;
  return Object.values(networkInterfaces()).some((list) =>
    list?.some((entry) => toHexAddress(entry.address) === wanted.address),
  );
}
