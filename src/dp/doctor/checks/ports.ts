import { existsSync, readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { isJsonObject, type JsonObject } from '../../../lib/json.ts';
import type { AgentConfig } from '../../config/agent-config.ts';
import { findHolders, type Holder } from '../../ports/holders.ts';
import { toPlace } from '../../ports/place.ts';
import { instancePaths } from '../../run-dir/paths.ts';
import { type Check, error, type Finding, healthy, ill, skipped, warning } from '../check.ts';
import { type Place, readPlaces } from '../places.ts';

/**
 * Whether the ports of the proxy are free, or its own. Two Envoys on one port share it without any error, and without the
 * relay, which holds such listeners back, this is the only place where it shows.
 */
export const portsCheck: Check = {
  name: 'ports',
  run: ({ config, proxies }) => {
    if (config === undefined) return Promise.resolve(skipped('settings are unusable'));
    const places = [...proxies.flatMap(placesOf), ...ownPorts(config)];
    if (places.length === 0)
      return Promise.resolve(skipped('the Dataplane is in the control plane; check its ports with -d FILE'));
    const holdersOf = lookAround(places);
    const ours = new Set(proxies.flatMap(ownProcesses));
    const findings = [
      ...places.flatMap((place) =>
        place.kind === 'service'
          ? judgeService(place, holdersOf(place))
          : judgePlace(place, holdersOf(place), ours),
      ),
      ...judgeTwice(places),
    ];
    const seen = places.map(({ kind, address, port }) => `${kind} ${address}:${port}`).join(', ');
    return Promise.resolve(findings.length === 0 ? healthy(seen) : ill(seen, ...findings));
  },
};

/** Who listens at each place; nobody at what is no address. */
function lookAround(places: readonly Place[]): (place: Place) => readonly Holder[] {
  const sockets = new Map(
    places.flatMap((place) => {
      const socket = toPlace({ protocol: 'tcp', address: place.address, port: place.port, dual: true });
      return socket === undefined ? [] : [[place, socket] as const];
    }),
  );
  const holders = findHolders([...sockets.values()]);
  return (place) => {
    const socket = sockets.get(place);
    return socket === undefined ? [] : (holders.get(socket) ?? []);
  };
}

/** With several proxies each field says whose it is. */
function placesOf({ proxy }: AgentConfig, _index: number, all: readonly AgentConfig[]): readonly Place[] {
  const dataplane = proxy.resource === undefined ? {} : (JSON.parse(proxy.resource) as JsonObject);
  const places = readPlaces(dataplane);
  return all.length === 1
    ? places
    : places.map((place) => ({ ...place, field: `${proxy.mesh}.${proxy.name}: ${place.field}` }));
}

/** Of several proxies two want the same port. */
function judgeTwice(places: readonly Place[]): readonly Finding[] {
  const first = new Map<string, Place>();
  return places
    .filter(({ kind }) => kind !== 'service')
    .flatMap((place) => {
      const where = `${place.address}:${place.port}`;
      const other = first.get(where);
      first.set(where, other ?? place);
      return other === undefined
        ? []
        : [
            error(
              `${place.field}: ${where} is the ${other.kind} port of ${other.field}, too: two Envoys would share its connections`,
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
    isJsonObject(record) && typeof record.pid === 'number' ? [record.pid] : [],
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

function isLocal(address: string): boolean {
  if (/^127\./.test(address) || ['0.0.0.0', '::', '::1'].includes(address)) return true;
  return Object.values(networkInterfaces()).some((list) => list?.some((entry) => entry.address === address));
}
