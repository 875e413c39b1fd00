import { messageOf, resourceOfAny } from '../../src/dp/relay/codec/any.ts';
import type { DeltaRequest, DeltaResponse } from '../../src/dp/relay/codec/delta.ts';
import type { SotwRequest } from '../../src/dp/relay/codec/sotw.ts';
import { encodeStatus } from '../../src/dp/relay/codec/status.ts';
import type { Peer, PeerResponse } from '../../src/dp/relay/core/peer.ts';
import type { RelayCore } from '../../src/dp/relay/core/relay-core.ts';
import { CLUSTER, ENDPOINT, LISTENER, ROUTE, SECRET } from '../../src/envoy/type-urls.ts';
import { references } from './ads-references.ts';

const NO_REST = new Uint8Array(0);

interface Held {
  readonly version: string;
  readonly message: Uint8Array;
}

/**
 * An Envoy that talks to a relay core without sockets, message by message: it asks for clusters, then for what they
 * name, for listeners when all clusters are warm, then for what those name. It refuses what contains its poison.
 */
export class ModelEnvoy {
  readonly epoch: number;
  readonly mode: 'delta' | 'sotw';
  readonly inbox: PeerResponse[] = [];
  readonly outbox: (DeltaRequest | SotwRequest)[] = [];
  readonly held = new Map<string, Map<string, Held>>();
  /** Names subscribed to, without wildcards. */
  readonly names = new Map<string, Set<string>>();
  readonly warming = new Set<string>();
  /** What it received, as `Cluster 2 -1`. */
  readonly log: string[] = [];
  writable = true;
  #core: RelayCore;
  readonly #poison: string;
  readonly #room: number;
  readonly #wholly: boolean;
  readonly #nonces = new Map<string, string>();
  readonly #versions = new Map<string, string>();
  readonly #asked = new Set<string>();
  #peer: Peer | undefined;
  #first = true;

  /**
   * `room` is how many characters of a refusal are told. `wholly`: nothing is taken of a response with anything
   * poisoned, and only the first such resource is told of.
   */
  constructor(
    core: RelayCore,
    options: {
      epoch: number;
      mode?: 'delta' | 'sotw';
      poison?: string;
      room?: number;
      wholly?: boolean;
    },
  ) {
    this.#core = core;
    this.epoch = options.epoch;
    this.mode = options.mode ?? 'delta';
    this.#poison = options.poison ?? 'poison';
    this.#room = options.room ?? 4096;
    this.#wholly = options.wholly ?? false;
    this.connect();
  }

  get connected(): boolean {
    return this.#peer !== undefined;
  }

  get live(): boolean {
    return this.#peer?.live ?? false;
  }

  /** A new stream, perhaps to another relay; what the last one brought is kept and claimed. */
  connect(core: RelayCore = this.#core): void {
    this.disconnect();
    this.#core = core;
    this.#nonces.clear();
    this.#asked.clear();
    this.#first = true;
    const { inbox } = this;
    const isWritable = () => this.writable;
    this.#peer = this.#core.connect({
      epoch: this.epoch,
      mode: this.mode,
      sink: {
        get writable() {
          return isWritable();
        },
        send: (message) => void inbox.push(message),
      },
    });
    this.#ask(CLUSTER);
    for (const typeUrl of [ENDPOINT, SECRET, LISTENER, ROUTE])
      if (this.held.has(typeUrl) || this.names.has(typeUrl)) this.#ask(typeUrl);
  }

  disconnect(): void {
    this.inbox.length = 0;
    this.outbox.length = 0;
    const peer = this.#peer;
    this.#peer = undefined;
    if (peer !== undefined) this.#core.disconnect(peer);
  }

  setWritable(writable: boolean): void {
    this.writable = writable;
    if (writable && this.#peer !== undefined) this.#core.writable(this.#peer);
  }

  /** Delivers the oldest request to the relay. */
  deliverRequest(): boolean {
    const request = this.outbox.shift();
    if (request === undefined || this.#peer === undefined) return false;
    if ('subscribe' in request) this.#core.receiveDelta(this.#peer, request);
    else this.#core.receiveSotw(this.#peer, request);
    return true;
  }

  /** Takes the oldest response. */
  takeResponse(): boolean {
    const message = this.inbox.shift();
    if (message === undefined) return false;
    const { response } = message;
    const removed = message.mode === 'delta' ? message.response.removed : [];
    this.log.push(`${short(response.typeUrl)} ${response.resources.length} -${removed.length}`);
    const incoming =
      message.mode === 'delta' ? fromDelta(message.response) : message.response.resources.map(fromAny);
    const error = this.#apply(response.typeUrl, incoming, removed);
    this.#nonces.set(response.typeUrl, response.nonce);
    if (message.mode === 'sotw' && error === undefined)
      this.#versions.set(response.typeUrl, message.response.versionInfo);
    this.#react(response.typeUrl, response.nonce, error);
    this.#follow();
    return true;
  }

  versions(typeUrl: string): Record<string, string> {
    const held = this.held.get(typeUrl) ?? new Map<string, Held>();
    return Object.fromEntries(
      [...held].map(([name, { message }]) => [name, Buffer.from(message).toString('latin1')]),
    );
  }

  #apply(
    typeUrl: string,
    incoming: readonly ({ name: string } & Held)[],
    removed: readonly string[],
  ): string | undefined {
    const held = this.held.get(typeUrl) ?? new Map<string, Held>();
    this.held.set(typeUrl, held);
    const errors: string[] = [];
    const invalid = incoming.find(({ message }) => Buffer.from(message).includes(this.#poison));
    if (this.#wholly && invalid !== undefined) return `invalid: name: "${invalid.name}"`;
    for (const { name, version, message } of incoming) {
      if (Buffer.from(message).includes(this.#poison)) {
        errors.push(`${name}: poisoned`);
        continue;
      }
      const changed = held.get(name)?.version !== version;
      held.set(name, { version, message });
      if (typeUrl === ENDPOINT) this.warming.delete(name);
      if (typeUrl === CLUSTER && changed)
        for (const assignment of references(CLUSTER, name, message).get(ENDPOINT) ?? [])
          this.warming.add(assignment);
    }
    const whole = this.mode === 'sotw' && (typeUrl === CLUSTER || typeUrl === LISTENER);
    const there = new Set(incoming.map(({ name }) => name));
    for (const name of whole ? [...held.keys()].filter((n) => !there.has(n)) : removed) held.delete(name);
    const words = `Error adding/updating ${errors.join(', ')}`;
    if (words.length > this.#room) return `${words.slice(0, this.#room)}...(truncated)`;
    return errors.length === 0 ? undefined : words;
  }

  #follow(): void {
    for (const typeUrl of [ENDPOINT, SECRET, ROUTE]) {
      const wanted = new Set<string>();
      for (const from of [CLUSTER, LISTENER])
        for (const [name, { message }] of this.held.get(from) ?? [])
          for (const ref of references(from, name, message).get(typeUrl) ?? []) wanted.add(ref);
      const known = this.names.get(typeUrl) ?? new Set<string>();
      const subscribe = [...wanted].filter((name) => !known.has(name));
      const unsubscribe = [...known].filter((name) => !wanted.has(name));
      for (const name of unsubscribe) {
        this.held.get(typeUrl)?.delete(name);
        this.warming.delete(name);
      }
      this.names.set(typeUrl, wanted);
      if (subscribe.length + unsubscribe.length === 0) continue;
      if (this.mode === 'sotw' || !this.#asked.has(typeUrl)) this.#ask(typeUrl);
      else this.#send({ ...this.#delta(typeUrl), subscribe, unsubscribe });
    }
    if (this.warming.size === 0 && this.held.has(CLUSTER) && !this.#asked.has(LISTENER)) this.#ask(LISTENER);
  }

  #ask(typeUrl: string): void {
    const first = !this.#asked.has(typeUrl);
    this.#asked.add(typeUrl);
    const names = [...(this.names.get(typeUrl) ?? [])];
    if (this.mode === 'sotw') {
      this.#send(this.#sotw(typeUrl));
      return;
    }
    const initialVersions = new Map(
      first ? [...(this.held.get(typeUrl) ?? [])].map(([name, { version }]) => [name, version]) : [],
    );
    this.#send({ ...this.#delta(typeUrl), subscribe: names, initialVersions });
  }

  #react(typeUrl: string, nonce: string, error: string | undefined): void {
    const errorDetail = error === undefined ? {} : { errorDetail: encodeStatus(13, error) };
    if (this.mode === 'sotw') this.#send({ ...this.#sotw(typeUrl), ...errorDetail });
    else this.#send({ ...this.#delta(typeUrl), responseNonce: nonce, ...errorDetail });
  }

  #sotw(typeUrl: string): SotwRequest {
    return {
      versionInfo: this.#versions.get(typeUrl) ?? '',
      resourceNames: [...(this.names.get(typeUrl) ?? [])],
      typeUrl,
      responseNonce: this.#nonces.get(typeUrl) ?? '',
      rest: NO_REST,
    };
  }

  #delta(typeUrl: string): DeltaRequest {
    return {
      typeUrl,
      subscribe: [],
      unsubscribe: [],
      initialVersions: new Map(),
      responseNonce: '',
      rest: NO_REST,
    };
  }

  #send(request: DeltaRequest | SotwRequest): void {
    this.outbox.push(this.#first ? { ...request, node: Buffer.from(`node ${this.epoch}`) } : request);
    this.#first = false;
  }
}

function fromDelta(response: DeltaResponse): ({ name: string } & Held)[] {
  return response.resources.map(({ name, version, any }) => ({
    name,
    version,
    message: messageOf(any ?? NO_REST),
  }));
}

function fromAny(any: Uint8Array): { name: string } & Held {
  const message = messageOf(any);
  return { name: resourceOfAny(any).name, version: Buffer.from(message).toString('latin1'), message };
}

function short(typeUrl: string): string {
  return typeUrl.slice(typeUrl.lastIndexOf('.') + 1);
}
