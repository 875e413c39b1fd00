import { decodeDeltaResponse } from '../../src/dp/relay/codec/delta.ts';
import { decodeSotwResponse } from '../../src/dp/relay/codec/sotw.ts';
import { statusMessage } from '../../src/dp/relay/codec/status.ts';
import type { RelayCore } from '../../src/dp/relay/core/relay-core.ts';
import type { UpstreamRequest } from '../../src/dp/relay/core/upstream-session.ts';
import { createDeltaMachine } from '../../src/xds/delta.ts';
import type { StreamMachine, XdsResponse } from '../../src/xds/machine.ts';
import type { ProxySnapshot, XdsResource } from '../../src/xds/resource.ts';
import { createSotwMachine } from '../../src/xds/sotw.ts';
import { encodeDeltaResponse, encodeSotwResponse } from '../../src/xds/wire/response.ts';
import { snapshotOf } from './xds-resources.ts';

/** The other end of a relay core without sockets: our own protocol server, message by message. */
export class ModelControlPlane {
  readonly requests: UpstreamRequest[] = [];
  readonly responses: XdsResponse[] = [];
  /** Every request as `subscribe Cluster`, `ack Cluster`, `nack Cluster why`. */
  readonly log: string[] = [];
  mode: 'delta' | 'sotw';
  snapshot: ProxySnapshot = snapshotOf([]);
  readonly #core: RelayCore;
  #machine: StreamMachine<never> | undefined;

  constructor(core: RelayCore, mode: 'delta' | 'sotw') {
    this.#core = core;
    this.mode = mode;
  }

  get connected(): boolean {
    return this.#machine !== undefined;
  }

  get settled(): boolean {
    return this.#machine?.settled(this.snapshot) ?? false;
  }

  get rejections(): ReadonlyMap<string, string> {
    return this.#machine?.rejections() ?? new Map();
  }

  connect(): void {
    this.disconnect();
    this.#machine = (
      this.mode === 'delta' ? createDeltaMachine() : createSotwMachine()
    ) as StreamMachine<never>;
    const { requests } = this;
    this.#core.upstreamOpened(this.mode, { send: (message) => void requests.push(message) });
  }

  disconnect(): void {
    if (this.#machine === undefined) return;
    this.#machine = undefined;
    this.requests.length = 0;
    this.responses.length = 0;
    this.#core.upstreamClosed();
  }

  hold(resources: readonly XdsResource[]): void {
    this.snapshot = snapshotOf(resources, this.snapshot);
    this.#produce();
  }

  /** Takes the oldest request. */
  takeRequest(): boolean {
    const message = this.requests.shift();
    if (message === undefined || this.#machine === undefined) return false;
    const { request } = message;
    const error = request.errorDetail === undefined ? undefined : statusMessage(request.errorDetail);
    const nonce = request.responseNonce;
    const common = { typeUrl: request.typeUrl, nonce, error };
    this.log.push(describe(message, error));
    const translated =
      message.mode === 'delta'
        ? {
            ...common,
            subscribe: message.request.subscribe,
            unsubscribe: message.request.unsubscribe,
            initialVersions: message.request.initialVersions,
          }
        : { ...common, names: message.request.resourceNames, version: message.request.versionInfo };
    this.#machine.receive(translated as never);
    this.#produce();
    return true;
  }

  /** Delivers the oldest response to the relay. */
  deliverResponse(): boolean {
    const response = this.responses.shift();
    if (response === undefined) return false;
    if (this.mode === 'delta') this.#core.upstreamDelta(decodeDeltaResponse(encodeDeltaResponse(response)));
    else this.#core.upstreamSotw(decodeSotwResponse(encodeSotwResponse(response)));
    return true;
  }

  #produce(): void {
    for (;;) {
      const response = this.#machine?.next(this.snapshot);
      if (response === undefined) return;
      this.responses.push(response);
    }
  }
}

function describe({ request }: UpstreamRequest, error: string | undefined): string {
  const type = request.typeUrl.slice(request.typeUrl.lastIndexOf('.') + 1);
  if (error !== undefined) return `nack ${type} ${error}`;
  return request.responseNonce === '' ? `subscribe ${type}` : `ack ${type}`;
}
