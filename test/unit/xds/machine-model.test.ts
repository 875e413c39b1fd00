import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CLUSTER, ENDPOINT, LISTENER, ROUTE, SECRET } from '../../../src/envoy/type-urls.ts';
import { createDeltaMachine } from '../../../src/xds/delta.ts';
import { type Doubts, NO_DOUBTS, type XdsResponse } from '../../../src/xds/machine.ts';
import type { ProxySnapshot, XdsResource } from '../../../src/xds/resource.ts';
import { createSotwMachine } from '../../../src/xds/sotw.ts';
import { assignmentOf } from '../../../src/xds/wire/references.ts';
import { assignment, edsCluster, listener, route, secret, snapshotOf } from '../../support/xds-resources.ts';

const NAMES = ['a', 'b', 'c'];
const NAMED_TYPES = [ENDPOINT, ROUTE, SECRET];
const ALL_TYPES = [CLUSTER, LISTENER, ...NAMED_TYPES];
/** A resource with this salt is refused by every client. */
const POISON = 'bad';

type Action =
  | { readonly kind: 'update'; readonly resources: readonly { make: number; name: string; salt: string }[] }
  | { readonly kind: 'names'; readonly typeUrl: string; readonly names: readonly string[] }
  | { readonly kind: 'deliver' }
  | { readonly kind: 'react' }
  | { readonly kind: 'reconnect'; readonly fresh: boolean };

const salt = fc.constantFrom('', 'x', 'y', POISON);
const makers = [
  edsCluster,
  assignment,
  (name: string, s: string) => listener(name, { salt: s }),
  route,
  secret,
];
const updates = fc.array(
  fc.record({ make: fc.nat({ max: makers.length - 1 }), name: fc.constantFrom(...NAMES), salt }),
  { maxLength: 12 },
);
const actions = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: updates.map((resources): Action => ({ kind: 'update', resources })) },
    {
      weight: 4,
      arbitrary: fc
        .tuple(fc.constantFrom(...NAMED_TYPES), fc.uniqueArray(fc.constantFrom(...NAMES)))
        .map(([typeUrl, names]): Action => ({ kind: 'names', typeUrl, names })),
    },
    { weight: 6, arbitrary: fc.constant<Action>({ kind: 'deliver' }) },
    { weight: 6, arbitrary: fc.constant<Action>({ kind: 'react' }) },
    { weight: 1, arbitrary: fc.boolean().map((fresh): Action => ({ kind: 'reconnect', fresh })) },
  ),
  { maxLength: 60 },
);

/** A request is written by the variant at hand; both parties' queues are explicit, so that anything can be late. */
interface Wire {
  first(typeUrl: string, client: Client): void;
  rename(typeUrl: string, client: Client, change: { added: string[]; dropped: string[] }): void;
  react(response: XdsResponse, client: Client, error: string | undefined): void;
  next(snapshot: ProxySnapshot): XdsResponse | undefined;
  settled(snapshot: ProxySnapshot): boolean;
  doubts(): Doubts;
  readonly complete: (typeUrl: string) => boolean;
}

/** The client's side: what it has, what it asked for, and which clusters wait for their assignment. */
class Client {
  readonly held = new Map<string, Map<string, XdsResource>>();
  /** Versions of accepted responses: Envoy notes none of a refused one, though it takes the good parts of it. */
  readonly accepted = new Map<string, Map<string, string>>();
  readonly names = new Map<string, Set<string>>();
  readonly nonces = new Map<string, string>();
  readonly warming = new Set<string>();
  readonly answered = new Set<string>();

  of(typeUrl: string): Map<string, XdsResource> {
    const map = this.held.get(typeUrl) ?? new Map<string, XdsResource>();
    this.held.set(typeUrl, map);
    return map;
  }

  apply(response: XdsResponse, complete: boolean): string | undefined {
    const map = this.of(response.typeUrl);
    let error: string | undefined;
    for (const resource of response.resources) {
      if (isPoisoned(resource)) {
        error = 'poisoned';
        continue;
      }
      const changed = map.get(resource.name)?.version !== resource.version;
      map.set(resource.name, resource);
      const waitsFor = assignmentOf(resource);
      if (changed && waitsFor !== undefined) this.warming.add(waitsFor);
      if (response.typeUrl === ENDPOINT) this.warming.delete(resource.name);
    }
    const named = new Set(response.resources.map(({ name }) => name));
    const gone = complete ? [...map.keys()].filter((name) => !named.has(name)) : response.removed;
    for (const name of gone) map.delete(name);
    if (error === undefined) this.#accept(response, gone);
    if (response.typeUrl === CLUSTER)
      for (const name of this.warming) if (!map.has(name)) this.warming.delete(name);
    this.answered.add(response.typeUrl);
    this.nonces.set(response.typeUrl, response.nonce);
    return error;
  }

  drop(typeUrl: string, name: string): void {
    this.of(typeUrl).delete(name);
    this.accepted.get(typeUrl)?.delete(name);
  }

  #accept({ typeUrl, resources }: XdsResponse, gone: readonly string[]): void {
    const versions = this.accepted.get(typeUrl) ?? new Map<string, string>();
    this.accepted.set(typeUrl, versions);
    for (const { name, version } of resources) versions.set(name, version);
    for (const name of gone) versions.delete(name);
  }
}

function isPoisoned(resource: XdsResource): boolean {
  return Buffer.from(resource.any).subarray(-POISON.length).toString() === POISON;
}

function deltaWire(doubts: Doubts): Wire {
  const machine = createDeltaMachine();
  machine.distrust(doubts);
  const none = {
    subscribe: [],
    unsubscribe: [],
    initialVersions: new Map<string, string>(),
    nonce: '',
    error: undefined,
  };
  return {
    first(typeUrl, client) {
      const initialVersions = client.accepted.get(typeUrl) ?? new Map<string, string>();
      machine.receive({
        ...none,
        typeUrl,
        subscribe: [...(client.names.get(typeUrl) ?? [])],
        initialVersions,
      });
    },
    rename: (typeUrl, _client, { added, dropped }) =>
      void machine.receive({ ...none, typeUrl, subscribe: added, unsubscribe: dropped }),
    react: ({ typeUrl, nonce }, _client, error) => void machine.receive({ ...none, typeUrl, nonce, error }),
    next: (snapshot) => machine.next(snapshot),
    settled: (snapshot) => machine.settled(snapshot),
    doubts: () => machine.doubts(),
    complete: () => false,
  };
}

function sotwWire(): Wire {
  const machine = createSotwMachine();
  const send = (typeUrl: string, client: Client, nonce: string, error?: string) => {
    const names = [...(client.names.get(typeUrl) ?? [])];
    machine.receive({ typeUrl, names, nonce, error });
  };
  return {
    first: (typeUrl, client) => send(typeUrl, client, ''),
    rename: (typeUrl, client) => send(typeUrl, client, client.nonces.get(typeUrl) ?? ''),
    react: ({ typeUrl, nonce }, client, error) => send(typeUrl, client, nonce, error),
    next: (snapshot) => machine.next(snapshot),
    settled: (snapshot) => machine.settled(snapshot),
    doubts: () => machine.doubts(),
    complete: (typeUrl) => typeUrl === CLUSTER || typeUrl === LISTENER,
  };
}

function toSnapshot(list: readonly { make: number; name: string; salt: string }[]): ProxySnapshot {
  return snapshotOf(list.flatMap(({ make, name, salt: s }) => makers[make]?.(name, s) ?? []));
}

/** Plays the actions, then lets everything be delivered, and gives the client and the last snapshot. */
function play(createWire: (doubts: Doubts) => Wire, list: readonly Action[]) {
  let snapshot: ProxySnapshot = snapshotOf([]);
  let wire = createWire(NO_DOUBTS);
  let client = new Client();
  let toAnswer: { response: XdsResponse; error: string | undefined }[] = [];
  const asked = new Set<string>();

  const ask = (typeUrl: string) => {
    wire.first(typeUrl, client);
    asked.add(typeUrl);
  };
  const connect = () => {
    asked.clear();
    client.nonces.clear();
    for (const typeUrl of [CLUSTER, LISTENER]) wire.first(typeUrl, client);
    for (const [typeUrl, names] of client.names) if (names.size > 0) ask(typeUrl);
  };
  const deliver = (): boolean => {
    const response = wire.next(snapshot);
    if (response === undefined) return false;
    toAnswer.push({ response, error: client.apply(response, wire.complete(response.typeUrl)) });
    return true;
  };
  const react = (): boolean => {
    const next = toAnswer.shift();
    if (next !== undefined) wire.react(next.response, client, next.error);
    return next !== undefined;
  };

  connect();
  for (const action of list) {
    if (action.kind === 'update') snapshot = toSnapshot(action.resources);
    else if (action.kind === 'deliver') deliver();
    else if (action.kind === 'react') react();
    else if (action.kind === 'reconnect') {
      if (action.fresh) {
        const { names } = client;
        client = new Client();
        for (const [typeUrl, list] of names) client.names.set(typeUrl, list);
      }
      toAnswer = [];
      wire = createWire(wire.doubts());
      connect();
    } else {
      const before = client.names.get(action.typeUrl) ?? new Set<string>();
      const added = action.names.filter((name) => !before.has(name));
      const dropped = [...before].filter((name) => !action.names.includes(name));
      client.names.set(action.typeUrl, new Set(action.names));
      for (const name of dropped) client.drop(action.typeUrl, name);
      if (asked.has(action.typeUrl)) wire.rename(action.typeUrl, client, { added, dropped });
      else if (action.names.length > 0) ask(action.typeUrl);
    }
  }
  for (let round = 0; deliver() || react(); round++)
    if (round > 1000) throw new Error('the dialogue never ends');
  return { client, snapshot, settled: wire.settled(snapshot) };
}

/** The client ends with what the cache holds, and the server knows it. */
function expectInStep({ client, snapshot, settled }: ReturnType<typeof play>, mode: 'delta' | 'sotw'): void {
  expect(settled).toBe(true);
  for (const typeUrl of ALL_TYPES) {
    const wildcard = typeUrl === CLUSTER || typeUrl === LISTENER;
    if (wildcard) expect(client.answered).toContain(typeUrl);
    const names = wildcard ? NAMES : [...(client.names.get(typeUrl) ?? [])];
    for (const name of names) {
      const wanted = snapshot.get(typeUrl)?.get(name);
      const held = client.of(typeUrl).get(name);
      if (wanted === undefined) {
        // SotW cannot take a named resource away: it goes with what refers to it.
        if (mode === 'delta' || wildcard) expect(held?.version, `${typeUrl} ${name}`).toBeUndefined();
      } else if (!isPoisoned(wanted)) expect(held?.version, `${typeUrl} ${name}`).toBe(wanted.version);
    }
  }
}

/** Clusters that change together, are refused in part and taken back, over streams that break. */
const refusals = fc.array(
  fc.oneof(
    {
      weight: 3,
      arbitrary: fc
        .array(
          fc.record({
            make: fc.constant(0),
            name: fc.constantFrom('a', 'b'),
            salt: fc.constantFrom('', 'x', POISON),
          }),
          {
            minLength: 1,
            maxLength: 3,
          },
        )
        .map((resources): Action => ({ kind: 'update', resources })),
    },
    { weight: 4, arbitrary: fc.constant<Action>({ kind: 'deliver' }) },
    { weight: 3, arbitrary: fc.constant<Action>({ kind: 'react' }) },
    { weight: 2, arbitrary: fc.constant<Action>({ kind: 'reconnect', fresh: false }) },
  ),
  { maxLength: 40 },
);

describe.each([
  ['delta', deltaWire],
  ['sotw', sotwWire],
] as const)('%s, whatever the order of requests, answers, updates and reconnects', (mode, createWire) => {
  test('the client ends with what the cache holds, and the server knows it', () => {
    fc.assert(
      fc.property(actions, (list) => {
        expectInStep(play(createWire, list), mode);
      }),
      { numRuns: 1500 },
    );
  });

  test('what a client took of a refused response is taken back, though its next stream claims not to have it', () => {
    fc.assert(
      fc.property(refusals, (list) => expectInStep(play(createWire, list), mode)),
      { numRuns: 1500 },
    );
  });

  test('no cluster is left warming while its assignment exists and is asked for', () => {
    fc.assert(
      fc.property(actions, (list) => {
        const { client, snapshot } = play(
          createWire,
          list.filter(({ kind }) => kind !== 'reconnect'),
        );
        const names = client.names.get(ENDPOINT) ?? new Set();
        for (const name of client.warming) {
          const exists = snapshot.get(ENDPOINT)?.get(name);
          if (names.has(name) && exists !== undefined) expect(isPoisoned(exists), name).toBe(true);
        }
      }),
      { numRuns: 1500 },
    );
  });
});
