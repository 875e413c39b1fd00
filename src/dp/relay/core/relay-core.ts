import { LISTENER } from '../../../envoy/type-urls.ts';
import type { Clock } from '../../../lib/clock.ts';
import type { DeltaRequest, DeltaResponse } from '../codec/delta.ts';
import type { SotwRequest, SotwResponse } from '../codec/sotw.ts';
import { encodeStatus, statusMessage } from '../codec/status.ts';
import { Cache } from './cache.ts';
import { claimFor } from './claims.ts';
import { admitted, type GatedListener, type ListenerGate, openGate, toGated } from './gate.ts';
import { type Good, goodOfPeer, goodOfResources, prefersNewest, toSnapshot, viewOfGood } from './good.ts';
import { Lingering } from './lingering.ts';
import { learn, offerAgain } from './offers.ts';
import { type Mode, Peer, type PeerRules, type PeerSink, type Received } from './peer.ts';
import { WILDCARD } from './peer-type.ts';
import { type Judge, type Pending, settle, type Veto } from './pending.ts';
import type { RelayEvent } from './relay-event.ts';
import { isComplete, type Resource } from './resource.ts';
import { type RelaySnapshot, toResourcesByType } from './snapshot.ts';
import { isTurnOf, newer } from './succession.ts';
import { Union } from './union.ts';
import { type Claim, UpstreamSession, type UpstreamSink } from './upstream-session.ts';
import { layered, provenFirst, type View } from './view.ts';

export interface RelayCoreOptions {
  readonly clock: Clock;
  readonly onEvent: (event: RelayEvent) => void;
  /** How long subscriptions outlive their Envoy, in ms. */
  readonly lingerMs?: number;
  /** The node the control plane is told, made of that of the newest Envoy; looked at for each stream. */
  readonly toUpstreamNode?: ((node: Uint8Array) => Uint8Array) | undefined;
  /** Which listeners may go to an Envoy; all, without it. */
  readonly gate?: ListenerGate;
}

const LINGER_MS = 60_000;
/** google.rpc.Code INTERNAL, as Envoy's own refusals. */
const REFUSED = 13;

interface Pin {
  readonly good: Good;
  readonly refusal: Uint8Array;
}

/**
 * The relay without sockets: any number of Envoys on one side, one stream to the control plane on the other, and what
 * was passed on in between. Every public method is one event; all that follows from it is sent before it returns.
 */
export class RelayCore {
  readonly #onEvent: (event: RelayEvent) => void;
  readonly #toUpstreamNode: (node: Uint8Array) => Uint8Array;
  readonly #cache = new Cache();
  readonly #union = new Union();
  readonly #lingering: Lingering;
  readonly #gate: ListenerGate;
  readonly #peers = new Set<Peer>();
  readonly #held = new Set<number>();
  readonly #setVersions = new Map<string, string>();
  #pending: Pending[] = [];
  /** The newest response refused for a listener held back: accepted after all, once that one is. */
  #heldBack: Pending | undefined;
  #session: UpstreamSession | undefined;
  #good: Good | undefined;
  #reserve: Good | undefined;
  #servingPeer: Peer | undefined;
  #pin: Pin | undefined;
  #node: Uint8Array | undefined;
  #peerNumber = 0;

  constructor({ clock, onEvent, lingerMs = LINGER_MS, toUpstreamNode, gate = openGate() }: RelayCoreOptions) {
    this.#onEvent = onEvent;
    this.#toUpstreamNode = toUpstreamNode ?? ((node) => node);
    this.#gate = gate;
    gate.connect({ listeners: () => this.#listeners(), changed: () => this.#settle() });
    this.#lingering = new Lingering(this.#union, clock, lingerMs);
  }

  /** Node of the newest Envoy, as it sent it; undefined before the first. */
  get node(): Uint8Array | undefined {
    return this.#node;
  }

  get peers(): ReadonlySet<Peer> {
    return this.#peers;
  }

  /** The Envoy whose word counts: the newest that serves, else the newest. */
  get decider(): Peer | undefined {
    const peers = [...this.#peers];
    const live = peers.filter((peer) => peer.live);
    return (live.length > 0 ? live : peers).reduce<Peer | undefined>(newer, undefined);
  }

  /** Responses of the control plane that wait for the Envoy whose word counts. */
  get unanswered(): number {
    return this.#pending.length;
  }

  connect(envoy: { readonly epoch: number; readonly mode: Mode; readonly sink: PeerSink }): Peer {
    if (this.#peers.size === 0) this.#gate.verify();
    const peer = new Peer({ ...envoy, number: ++this.#peerNumber });
    this.#peers.add(peer);
    return peer;
  }

  /** Throws PeerLimitError for a request no Envoy sends; the stream is to be ended then. */
  receiveDelta(peer: Peer, request: DeltaRequest): void {
    this.#noteNode(peer, request.node);
    this.#received(peer, () => peer.receiveDelta(request, this.#rules(peer)));
  }

  /** Throws PeerLimitError. */
  receiveSotw(peer: Peer, request: SotwRequest): void {
    this.#noteNode(peer, request.node);
    this.#received(peer, () => peer.receiveSotw(request));
  }

  /** The sink of this peer takes more again. */
  writable(peer: Peer): void {
    this.#pump(peer);
    this.#answer();
  }

  disconnect(peer: Peer): void {
    if (!this.#peers.delete(peer)) return;
    this.#lingering.keep(
      peer,
      () => this.decider?.live ?? false,
      () => this.#settle(),
    );
    this.#settle();
  }

  upstreamOpened(mode: Mode, sink: UpstreamSink): void {
    this.upstreamClosed();
    this.#subscribe();
    const node = this.#node === undefined ? undefined : this.#toUpstreamNode(this.#node);
    this.#session = new UpstreamSession(mode, sink, node);
    for (const [typeUrl, names] of this.#union.wanted) {
      this.#cache.of(typeUrl).absent.clear();
      this.#cache.of(typeUrl).forgetUnwanted(this.#cache.of(typeUrl).resources.keys(), names);
      if (names.size > 0) this.#session.start(typeUrl, names, this.#claim(typeUrl, mode));
    }
    this.#settle();
  }

  upstreamDelta(response: DeltaResponse): void {
    const wildcard = this.#union.isWildcard(response.typeUrl);
    const said = this.#cache.of(response.typeUrl).applyDelta(response, wildcard);
    this.#said({ typeUrl: response.typeUrl, nonce: response.nonce, versionInfo: '', said });
  }

  /** Throws WireError when a resource cannot be read. */
  upstreamSotw(response: SotwResponse): void {
    const { typeUrl, nonce, versionInfo } = response;
    const wildcard = this.#union.isWildcard(typeUrl);
    const said = this.#cache.of(typeUrl).applySotw(response, wildcard);
    // Only the newest response of a type is answered.
    this.#pending = this.#pending.filter((pending) => pending.typeUrl !== typeUrl);
    this.#session?.received(typeUrl, nonce);
    this.#said({ typeUrl, nonce, versionInfo, said });
  }

  upstreamClosed(): void {
    this.#session = undefined;
    this.#pending = [];
    this.#heldBack = undefined;
  }

  /** What the serving Envoy accepted; undefined while none has served. */
  accepted(): RelaySnapshot | undefined {
    // An Envoy may have brought along what nobody here has seen yet.
    if (this.#good === undefined || !this.#good.known) return undefined;
    const setVersion = (typeUrl: string) => this.#setVersions.get(typeUrl) ?? '';
    return toSnapshot(this.#good, this.#cache, { node: this.#node, setVersion });
  }

  /** Puts a known good configuration in the place of what the control plane has not told yet. */
  restore(snapshot: RelaySnapshot): void {
    this.#good ??= goodOfResources(toResourcesByType(snapshot));
    this.#node ??= snapshot.node;
    for (const { typeUrl, resources, complete, upstreamSetVersion } of snapshot.types) {
      const cache = this.#cache.of(typeUrl);
      if (cache.complete || cache.resources.size > 0) continue;
      for (const { upstreamVersion, ...resource } of resources) {
        cache.resources.set(resource.name, resource);
        cache.upstreamVersions.set(resource.name, upstreamVersion);
      }
      cache.complete = complete;
      if (upstreamSetVersion !== '') this.#setVersions.set(typeUrl, upstreamSetVersion);
    }
    this.#gate.announce();
    this.#settle();
  }

  /**
   * A known good configuration for Envoys that come with nothing, in the place of what the control plane has not told
   * yet. One that brings a configuration along keeps it: that may be newer.
   */
  reserve(snapshot: RelaySnapshot): void {
    this.#reserve = goodOfResources(toResourcesByType(snapshot));
    this.#gate.announce();
    this.#node ??= snapshot.node;
    this.#settle();
  }

  /** Serves this generation to every Envoy and refuses upward, for that reason, whatever differs from it. */
  pin(snapshot: RelaySnapshot, reason: string): void {
    this.#pin = {
      good: goodOfResources(toResourcesByType(snapshot)),
      refusal: encodeStatus(REFUSED, reason),
    };
    this.#gate.announce();
    this.#settle();
  }

  unpin(): void {
    this.#pin = undefined;
    this.#settle();
  }

  /** An Envoy of this epoch gets no listeners before `admit`. */
  hold(epoch: number): void {
    this.#held.add(epoch);
  }

  admit(epoch: number): void {
    this.#held.delete(epoch);
    this.#settle();
  }

  stop(): void {
    this.#lingering.stop();
  }

  #noteNode(peer: Peer, node: Uint8Array | undefined): void {
    if (node !== undefined && [...this.#peers].every((other) => newer(other, peer) === peer))
      this.#node = node;
  }

  #received(peer: Peer, receive: () => Received): void {
    const wasLive = peer.live;
    const { typeUrl, asked, reaction } = receive();
    for (const name of asked.added) this.#union.add(typeUrl, name);
    for (const name of asked.dropped) this.#union.remove(typeUrl, name);
    if (!wasLive && peer.live) this.#onEvent({ event: 'live', epoch: peer.epoch });
    if (peer.live && this.decider === peer && this.#servingPeer !== peer) {
      this.#servingPeer = peer;
      this.#good = goodOfPeer(peer);
    }
    if (reaction?.error !== undefined) {
      const message = statusMessage(reaction.error);
      this.#onEvent({ event: 'refused', typeUrl, epoch: peer.epoch, message });
    } else if (reaction !== undefined && peer === this.#servingPeer)
      this.#onEvent({ event: 'accepted', typeUrl });
    this.#settle();
  }

  #said(pending: Pending): void {
    this.#setVersions.delete(pending.typeUrl);
    this.#pending.push(pending);
    for (const peer of this.#peers) {
      offerAgain(peer, pending.typeUrl, pending.said);
      if (learn(peer, pending.typeUrl, this.#cache) && peer === this.#servingPeer)
        this.#onEvent({ event: 'accepted', typeUrl: pending.typeUrl });
    }
    if (pending.typeUrl === LISTENER) this.#gate.announce();
    const { changed } = this.#cache.of(pending.typeUrl);
    this.#onEvent({ event: 'received', typeUrl: pending.typeUrl, changed });
    this.#settle();
  }

  #settle(): void {
    this.#subscribe();
    for (const peer of this.#peers) this.#pump(peer);
    this.#answer();
  }

  /**
   * Tells the control plane what all Envoys together ask for, and forgets what none does. Not in SotW: the control
   * plane may overlook a name that goes and comes back, and then does not send it again.
   */
  #subscribe(): void {
    for (const change of this.#union.changes()) {
      const cache = this.#cache.of(change.typeUrl);
      const mode = this.#session?.mode ?? 'delta';
      this.#session?.change(change, this.#claim(change.typeUrl, mode));
      if (mode === 'delta') cache.forgetUnwanted(change.unsubscribe, this.#union.wanted.get(change.typeUrl));
    }
  }

  #pump(peer: Peer): void {
    const rules = this.#rules(peer);
    while (peer.sink.writable) {
      const response = peer.next(rules);
      if (response === undefined) return;
      peer.sink.send(response);
    }
  }

  #answer(): void {
    const judge: Judge = {
      decider: this.decider,
      current: (typeUrl, name) => this.#cache.of(typeUrl).resources.get(name)?.version ?? '',
      veto: (typeUrl, name, version) => this.#veto(typeUrl, name, version),
    };
    const blocked = new Set<string>();
    this.#pending = this.#pending.filter((pending) => {
      if (blocked.has(pending.typeUrl)) return true;
      const settlement = settle(pending, judge);
      if (settlement === 'waiting') {
        blocked.add(pending.typeUrl);
        return true;
      }
      if (settlement.error === undefined && isComplete(pending.typeUrl))
        this.#setVersions.set(pending.typeUrl, pending.versionInfo);
      if (settlement.error !== undefined && this.#isHeldBack(pending)) this.#heldBack = pending;
      this.#session?.answer({ ...pending, error: settlement.error });
      return false;
    });
    const late = this.#heldBack;
    if (late === undefined || blocked.has(LISTENER)) return;
    const settlement = settle(late, judge);
    if (settlement === 'waiting' || settlement.error !== undefined) return;
    this.#heldBack = undefined;
    this.#setVersions.set(LISTENER, late.versionInfo);
    this.#session?.answer({ ...late, error: undefined });
  }

  #isHeldBack({ typeUrl, said }: Pending): boolean {
    const { resources } = this.#cache.of(typeUrl);
    return typeUrl === LISTENER && [...said.keys()].some((name) => this.#obstacle(resources.get(name)));
  }

  #obstacle(listener: Resource | undefined): string | undefined {
    return listener === undefined ? undefined : this.#gate.obstacle(toGated(listener));
  }

  #listeners(): Iterable<GatedListener> {
    const sets = [this.#cache.of(LISTENER).resources, this.#good?.resources(LISTENER)];
    sets.push(this.#reserve?.resources(LISTENER));
    for (const { types } of this.#peers) sets.push(types.get(LISTENER)?.sent.accepted);
    sets.push(this.#pin?.good.resources(LISTENER));
    return new Set(sets.flatMap((set) => [...(set?.values() ?? [])].map(toGated)));
  }

  #veto(typeUrl: string, name: string, version: string): Veto {
    if (typeUrl === LISTENER) {
      if (this.#gate.deciding) return 'waiting';
      const obstacle = this.#obstacle(this.#cache.of(typeUrl).resources.get(name));
      if (obstacle !== undefined) return encodeStatus(REFUSED, obstacle);
    }
    const pinned = this.#pin?.good.resources(typeUrl);
    if (pinned === undefined || prefersNewest(typeUrl)) return undefined;
    if (!isComplete(typeUrl) && !pinned.has(name)) return undefined;
    return (pinned.get(name)?.version ?? '') === version ? undefined : this.#pin?.refusal;
  }

  #rules(peer: Peer): PeerRules {
    return {
      view: (typeUrl) => this.#view(peer, typeUrl),
      mayAnswer: (typeUrl) => typeUrl !== LISTENER || this.#mayHaveListeners(peer),
    };
  }

  #mayHaveListeners(peer: Peer): boolean {
    return !this.#held.has(peer.epoch) && !this.#gate.deciding && isTurnOf(peer, this.#peers);
  }

  #view(peer: Peer, typeUrl: string): View {
    const view = this.#ungated(peer, typeUrl);
    if (typeUrl !== LISTENER || !this.#gate.holding) return view;
    const before = (name: string) =>
      peer.types.get(typeUrl)?.sent.accepted.get(name) ?? this.#good?.resources(typeUrl)?.get(name);
    return admitted(view, this.#gate, before);
  }

  /** A starting Envoy gets the contents the last one served with, and newer ones as soon as it serves itself. */
  #ungated(peer: Peer, typeUrl: string): View {
    const known = this.#cache.of(typeUrl);
    const reserve = known.complete || peer.brought ? undefined : this.#reserve;
    const newest = reserve === undefined ? known.view : layered(known.view, viewOfGood(reserve, typeUrl));
    if (this.#pin !== undefined) {
      const pinned = viewOfGood(this.#pin.good, typeUrl);
      return prefersNewest(typeUrl) ? layered(newest, pinned) : layered(pinned, newest);
    }
    const good = this.#good;
    if (peer.live || good === undefined) return newest;
    const isWanted = prefersNewest(typeUrl) ? (r: Resource) => good.isRefused(typeUrl, r) : undefined;
    return provenFirst(newest, viewOfGood(good, typeUrl), isWanted);
  }

  #claim(typeUrl: string, mode: Mode): Claim {
    const accepted = this.#good?.resources(typeUrl) ?? this.decider?.types.get(typeUrl)?.sent.accepted;
    const wanted = this.#union.wanted.get(typeUrl);
    return claimFor(this.#cache.of(typeUrl), accepted, {
      isWanted: (name) => wanted?.has(WILDCARD) === true || wanted?.has(name) === true,
      setVersion: mode === 'sotw' && isComplete(typeUrl) ? (this.#setVersions.get(typeUrl) ?? '') : '',
    });
  }
}
