import { CLUSTER, ENDPOINT, LISTENER, ROUTE, SECRET } from '../../src/envoy/type-urls.ts';
import { type AdsChannel, type AdsTarget, openAdsChannel, type StreamEnd } from './ads-channel.ts';
import { references } from './ads-references.ts';
import {
  type ClientNode,
  decodeDeltaResponse,
  decodeSotwResponse,
  encodeDeltaRequest,
  encodeSotwRequest,
  type ReceivedResource,
  type ReceivedResponse,
} from './ads-wire.ts';

export interface AdsClientOptions {
  readonly target: AdsTarget;
  readonly mode: 'sotw' | 'delta';
  readonly node: ClientNode;
  readonly headers?: Readonly<Record<string, string>>;
  /** A text to refuse a resource with; the whole response is refused, the other resources of it are taken (as Envoy does for CDS and LDS). */
  readonly refuse?: (typeUrl: string, resource: ReceivedResource) => string | undefined;
  /** Called for every response after it was applied. */
  readonly onResponse?: (response: ReceivedResponse) => void;
  /** Keep the encoded messages; default true. Fleets keep names and versions only. */
  readonly keepMessages?: boolean;
  readonly windowBytes?: number;
  readonly pingMs?: number;
}

export interface HeldResource {
  readonly version: string;
  readonly message: Uint8Array | undefined;
}

const ORDER = [CLUSTER, ENDPOINT, SECRET, LISTENER, ROUTE];
const NONE: ReadonlyMap<string, HeldResource> = new Map();

/**
 * An ADS client that asks as Envoy does: clusters, then their assignments and secrets, listeners when every cluster
 * is warm, then routes. A cluster that arrives is warming until its assignment arrives after it.
 */
export class AdsClient {
  readonly options: AdsClientOptions;
  readonly warming = new Set<string>();
  readonly #held = new Map<string, Map<string, HeldResource>>();
  /** What each cluster and listener refers to, by type of the referring resource and its name. */
  readonly #references = new Map<string, Map<string, ReadonlyMap<string, readonly string[]>>>();
  readonly #subscribed = new Map<string, Set<string>>();
  readonly #versions = new Map<string, string>();
  readonly #nonces = new Map<string, string>();
  readonly #asked = new Set<string>();
  readonly #answered = new Set<string>();
  readonly #watchers = new Set<() => void>();
  #target: AdsTarget;
  #channel: AdsChannel;
  #firstRequest = true;

  constructor(options: AdsClientOptions) {
    this.options = options;
    this.#target = options.target;
    this.#channel = this.#open();
  }

  /** How the present stream ended. */
  get ended(): Promise<StreamEnd> {
    return this.#channel.ended;
  }

  get channel(): AdsChannel {
    return this.#channel;
  }

  held(typeUrl: string): ReadonlyMap<string, HeldResource> {
    return this.#held.get(typeUrl) ?? NONE;
  }

  /** CDS and LDS answered, no cluster warming, and all named assignments, routes and secrets there. */
  get warm(): boolean {
    if (this.warming.size > 0 || !this.#answered.has(CLUSTER) || !this.#answered.has(LISTENER)) return false;
    for (const typeUrl of [ROUTE, SECRET]) {
      for (const name of this.#subscribed.get(typeUrl) ?? []) if (!this.held(typeUrl).has(name)) return false;
    }
    return true;
  }

  /** Resolves as soon as `predicate` holds; it is looked at after every response. */
  until(predicate: (client: AdsClient) => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (!predicate(this)) return;
        this.#watchers.delete(check);
        resolve();
      };
      this.#watchers.add(check);
      check();
    });
  }

  /** A new stream, if need be to another server, that keeps what the old one brought, or `fresh`: as an Envoy that was started anew. */
  reconnect({ fresh = false, target = this.#target }: { fresh?: boolean; target?: AdsTarget } = {}): void {
    this.#channel.destroy();
    this.#target = target;
    this.#nonces.clear();
    this.#asked.clear();
    this.#firstRequest = true;
    if (fresh) {
      for (const map of [this.#held, this.#references, this.#subscribed, this.#versions]) map.clear();
      this.warming.clear();
      this.#answered.clear();
    }
    this.#channel = this.#open();
  }

  close(): void {
    this.#channel.destroy();
  }

  #open(): AdsChannel {
    const { mode, headers, windowBytes, pingMs } = this.options;
    const channel: AdsChannel = openAdsChannel({
      target: this.#target,
      mode,
      ...(headers === undefined ? {} : { headers }),
      ...(windowBytes === undefined ? {} : { windowBytes }),
      ...(pingMs === undefined ? {} : { pingMs }),
      onMessage: (bytes) => {
        if (this.#channel === channel)
          this.#receive(mode === 'delta' ? decodeDeltaResponse(bytes) : decodeSotwResponse(bytes));
      },
    });
    this.#channel = channel;
    this.#ask(CLUSTER);
    for (const typeUrl of ORDER) if (typeUrl !== CLUSTER && this.#subscribed.has(typeUrl)) this.#ask(typeUrl);
    return channel;
  }

  #receive(response: ReceivedResponse): void {
    const { typeUrl, nonce } = response;
    const error = this.#apply(response);
    this.#answered.add(typeUrl);
    this.#nonces.set(typeUrl, nonce);
    if (error === undefined) this.#versions.set(typeUrl, response.version);
    this.#send(typeUrl, { nonce, ...(error === undefined ? {} : { error }) });
    if (typeUrl === CLUSTER || typeUrl === LISTENER) this.#followReferences();
    if (this.warming.size === 0 && !this.#asked.has(LISTENER)) this.#ask(LISTENER);
    this.options.onResponse?.(response);
    for (const check of this.#watchers) check();
  }

  #apply({ typeUrl, resources, removed }: ReceivedResponse): string | undefined {
    const held = this.#held.get(typeUrl) ?? new Map<string, HeldResource>();
    this.#held.set(typeUrl, held);
    let error: string | undefined;
    for (const resource of resources) {
      const refused = this.options.refuse?.(typeUrl, resource);
      if (refused === undefined) this.#take(typeUrl, held, resource);
      else error = refused;
    }
    const complete = this.options.mode === 'sotw' && (typeUrl === CLUSTER || typeUrl === LISTENER);
    const names = new Set(resources.map(({ name }) => name));
    const gone = complete ? [...held.keys()].filter((name) => !names.has(name)) : removed;
    for (const name of gone) {
      held.delete(name);
      this.#references.get(typeUrl)?.delete(name);
    }
    return error;
  }

  #take(
    typeUrl: string,
    held: Map<string, HeldResource>,
    { name, version, message }: ReceivedResource,
  ): void {
    const changed = held.get(name)?.version !== version;
    held.set(
      name,
      this.options.keepMessages === false ? bare(version) : { version, message: Buffer.from(message) },
    );
    if (typeUrl === ENDPOINT) this.warming.delete(name);
    if (!changed || (typeUrl !== CLUSTER && typeUrl !== LISTENER)) return;
    const found = referencesOnce(`${name} ${version}`, () => references(typeUrl, name, message));
    const ofType = this.#references.get(typeUrl) ?? new Map<string, ReadonlyMap<string, readonly string[]>>();
    this.#references.set(typeUrl, ofType.set(name, found));
    for (const assignmentName of found.get(ENDPOINT) ?? []) this.warming.add(assignmentName);
  }

  /** Subscribes to what clusters and listeners name, and from nothing else. */
  #followReferences(): void {
    for (const typeUrl of [ENDPOINT, SECRET, ROUTE]) {
      const wanted = new Set<string>();
      for (const ofType of this.#references.values()) {
        for (const found of ofType.values()) for (const name of found.get(typeUrl) ?? []) wanted.add(name);
      }
      const known = this.#subscribed.get(typeUrl) ?? new Set<string>();
      const subscribe = [...wanted].filter((name) => !known.has(name));
      const unsubscribe = [...known].filter((name) => !wanted.has(name));
      for (const name of unsubscribe) {
        this.#held.get(typeUrl)?.delete(name);
        this.warming.delete(name);
      }
      this.#subscribed.set(typeUrl, wanted);
      if (subscribe.length + unsubscribe.length === 0) continue;
      if (this.#asked.has(typeUrl)) this.#send(typeUrl, { subscribe, unsubscribe });
      else this.#ask(typeUrl);
    }
  }

  /** The first request of a type on this stream. */
  #ask(typeUrl: string): void {
    const names = [...(this.#subscribed.get(typeUrl) ?? [])];
    if (names.length === 0 && typeUrl !== CLUSTER && typeUrl !== LISTENER) return;
    this.#asked.add(typeUrl);
    if (!this.#subscribed.has(typeUrl)) this.#subscribed.set(typeUrl, new Set());
    const initialVersions = new Map([...this.held(typeUrl)].map(([name, { version }]) => [name, version]));
    this.#send(typeUrl, { subscribe: names, initialVersions });
  }

  #send(
    typeUrl: string,
    parts: {
      nonce?: string;
      error?: string;
      subscribe?: string[];
      unsubscribe?: string[];
      initialVersions?: Map<string, string>;
    },
  ): void {
    const node = this.#firstRequest ? { node: this.options.node } : {};
    this.#firstRequest = false;
    if (this.options.mode === 'delta') {
      this.#channel.send(encodeDeltaRequest({ ...node, typeUrl, ...parts }));
      return;
    }
    const names =
      typeUrl === CLUSTER || typeUrl === LISTENER ? [] : [...(this.#subscribed.get(typeUrl) ?? [])];
    const common = {
      typeUrl,
      names,
      version: this.#versions.get(typeUrl) ?? '',
      nonce: this.#nonces.get(typeUrl) ?? '',
    };
    this.#channel.send(
      encodeSotwRequest({ ...node, ...common, ...(parts.error === undefined ? {} : { error: parts.error }) }),
    );
  }
}

/** A fleet receives the same resources a thousand times: what is kept of them is shared between its proxies. */
const bareByVersion = new Map<string, HeldResource>();
const referencesByVersion = new Map<string, ReturnType<typeof references>>();

function bare(version: string): HeldResource {
  const known = bareByVersion.get(version) ?? { version, message: undefined };
  bareByVersion.set(version, known);
  return known;
}

function referencesOnce(
  key: string,
  read: () => ReturnType<typeof references>,
): ReturnType<typeof references> {
  const known = referencesByVersion.get(key) ?? read();
  referencesByVersion.set(key, known);
  return known;
}
