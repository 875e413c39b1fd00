import { type Backoff, createBackoff } from '../../../lib/backoff.ts';
import type { Clock } from '../../../lib/clock.ts';
import type { ClientStream, GrpcConnection } from '../grpc/client.ts';
import type { ServerStream, StreamHandler } from '../grpc/server.ts';
import { UNIMPLEMENTED } from '../grpc/status.ts';

export const HDS_PATH = '/envoy.service.health.v3.HealthDiscoveryService/StreamHealthCheck';

interface Source {
  readonly epoch: number;
  readonly stream: ServerStream;
  /** Who Envoy is and what it can check: the control plane wants it first on every stream. */
  first: Uint8Array | undefined;
}

export interface HdsRelayOptions {
  readonly clock: Clock;
  readonly metadata: () => Readonly<Record<string, string>>;
  readonly random: () => number;
  /** Epoch of the serving Envoy; undefined while there is none. */
  readonly servingEpoch: () => number | undefined;
}

/**
 * Health discovery, passed through byte for byte: the messages of the serving Envoy go up, those of the control plane
 * come down to it. Envoy's own stream lives on while the control plane is away or does not know the service.
 */
export class HdsRelay {
  readonly #options: HdsRelayOptions;
  readonly #backoff: Backoff;
  readonly #sources = new Set<Source>();
  #connection: GrpcConnection | undefined;
  #current: Source | undefined;
  #upstream: ClientStream | undefined;
  #unknown = false;
  #cancelPause = (): void => {};

  constructor(options: HdsRelayOptions) {
    this.#options = options;
    this.#backoff = createBackoff({ baseMs: 500, maxMs: 10_000, random: options.random });
  }

  accept(epoch: number, stream: ServerStream): StreamHandler {
    const source: Source = { epoch, stream, first: undefined };
    this.#sources.add(source);
    return {
      onMessage: (message) => {
        if (source.first === undefined) {
          source.first = Uint8Array.from(message);
          this.update();
        } else if (source === this.#current) this.#upstream?.send(message);
      },
      onDrain() {},
      onClose: () => {
        this.#sources.delete(source);
        this.update();
      },
    };
  }

  setConnection(connection: GrpcConnection | undefined): void {
    this.#connection = connection;
    this.#unknown = false;
    this.#close();
    this.update();
  }

  /** Looks again whose word counts: an Envoy came, left, or took over. */
  update(): void {
    const epoch = this.#options.servingEpoch();
    const ready = [...this.#sources].filter(({ first }) => first !== undefined);
    const serving = ready.filter((source) => source.epoch === epoch);
    const next = (serving.length > 0 ? serving : ready).reduce<Source | undefined>(
      (best, source) => (best === undefined || source.epoch >= best.epoch ? source : best),
      undefined,
    );
    if (next === this.#current && (this.#upstream !== undefined || next === undefined)) return;
    this.#close();
    this.#current = next;
    this.#open();
  }

  stop(): void {
    this.#close();
    this.#sources.clear();
  }

  #open(): void {
    const { first, stream: down } = this.#current ?? {};
    if (this.#connection === undefined || first === undefined || down === undefined || this.#unknown) return;
    const upstream: ClientStream = this.#connection.open(HDS_PATH, this.#options.metadata(), {
      onMessage: (message) => {
        if (this.#upstream !== upstream) return;
        this.#backoff.reset();
        down.send(message);
      },
      onEnd: ({ code }) => {
        if (this.#upstream !== upstream) return;
        this.#upstream = undefined;
        this.#unknown = code === UNIMPLEMENTED;
        this.#cancelPause = this.#options.clock.after(this.#backoff.next(), () => this.update());
      },
    });
    this.#upstream = upstream;
    upstream.send(first);
  }

  #close(): void {
    this.#cancelPause();
    const upstream = this.#upstream;
    this.#upstream = undefined;
    this.#current = undefined;
    upstream?.cancel();
  }
}
