import type { Backoff } from '../../../lib/backoff.ts';
import { createBackoff } from '../../../lib/backoff.ts';
import type { Clock } from '../../../lib/clock.ts';
import { describeError } from '../../../lib/coded-error.ts';
import type { Logger } from '../../../lib/logger.ts';
import { isLoopback } from '../../token/clear-text.ts';
import { hideIn } from '../../token/hide.ts';
import { decodeDeltaResponse, encodeDeltaRequest } from '../codec/delta.ts';
import { decodeSotwResponse, encodeSotwRequest } from '../codec/sotw.ts';
import { WireError } from '../codec/wire.ts';
import type { Mode } from '../core/peer.ts';
import type { RelayCore } from '../core/relay-core.ts';
import type { UpstreamRequest } from '../core/upstream-session.ts';
import { type ClientStream, connectGrpc, type GrpcConnection, type GrpcEndpoint } from '../grpc/client.ts';
import {
  PERMISSION_DENIED,
  type StreamEnd,
  UNAUTHENTICATED,
  UNAVAILABLE,
  UNIMPLEMENTED,
} from '../grpc/status.ts';
import type { RelayTarget } from '../target.ts';
import type { Upstream, UpstreamTiming } from './upstream.ts';

const PATHS: Readonly<Record<Mode, string>> = {
  delta: '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources',
  sotw: '/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources',
};

const FIRST_PAUSE_MS = 100;
/** A control plane that is back is found in about this time. */
const LONGEST_PAUSE_MS = 2_000;
/** A stream that lasted this long was no failed attempt. */
const STEADY_MS = 5_000;
/** Reasons that differ each time must not fill the log. */
const MOST_TOLD = 20;
/** How the real kuma-cp says that it does not accept a token, with status UNKNOWN. */
const REFUSAL = /authentication failed/i;

export interface UpstreamLinkOptions {
  /** Looked at before each attempt. */
  readonly target: () => RelayTarget;
  /** Headers of the next stream; the token may have changed since the last one. */
  readonly metadata: () => Readonly<Record<string, string>>;
  readonly core: RelayCore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  /** The connection, for other streams beside ADS; undefined when it is gone. */
  readonly onConnection: (connection: GrpcConnection | undefined) => void;
  /** Whom to call next; undefined, or without it: the endpoints of the target in turn. */
  readonly choose?: () => Promise<Upstream | undefined>;
  /** The control plane refused who we are. */
  readonly onRefused?: (reason: string) => void;
  /** Looked at before each attempt. */
  readonly timing?: () => UpstreamTiming;
}

/** Whether the control plane is there. */
export interface LinkStatus {
  readonly connected: boolean;
  readonly mode: Mode;
  /** Monotonic time of the last change, in ms. */
  readonly since: number;
  /** Why there is no stream; '' before the first attempt failed. */
  readonly reason: string;
  /** The control plane of the stream; '' while there is none. */
  readonly name: string;
}

/** Keeps the one ADS stream to the control plane open, from `start` to `stop`, one attempt after the other. */
export class UpstreamLink {
  readonly #options: UpstreamLinkOptions;
  readonly #backoff: Backoff;
  #connection: GrpcConnection | undefined;
  #stream: ClientStream | undefined;
  #mode: Mode;
  #endpoint = 0;
  #upstream: Upstream | undefined;
  #connecting = false;
  readonly #told = new Set<string>();
  #steady = true;
  /** Streams in a row that ended since the other end knows no such method, or no gRPC at all. */
  #unknown = 0;
  #started = false;
  #stopped = false;
  #cancelPause = (): void => {};
  #cancelTelling = (): void => {};
  #openedAt = 0;
  /** That of the newest stream. */
  #token: string | undefined;
  #status: LinkStatus;

  constructor(options: UpstreamLinkOptions) {
    this.#options = options;
    this.#mode = options.target().prefers;
    const { random, clock } = options;
    this.#backoff = createBackoff({ baseMs: FIRST_PAUSE_MS, maxMs: LONGEST_PAUSE_MS, random });
    this.#status = { connected: false, mode: this.#mode, since: clock.monotonic(), reason: '', name: '' };
  }

  get status(): LinkStatus {
    return this.#status;
  }

  /** More than one call does nothing. */
  start(): void {
    if (this.#started) return;
    this.#started = true;
    void this.#connect();
  }

  /** Begins a new stream, on a new connection and at once. */
  reconnect(why: string): void {
    if (!this.#started || this.#stopped || this.#connecting) return;
    this.#cancelPause();
    this.#options.logger.info({ why }, 'a new stream to the control plane');
    this.#letGo();
    this.#setStatus(false, why);
    void this.#connect();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelPause();
    this.#cancelTelling();
    this.#stream = undefined;
    this.#connection?.close();
    this.#options.core.upstreamClosed();
  }

  async #connect(): Promise<void> {
    const { clock, timing, choose } = this.#options;
    if (this.#connecting || this.#stream !== undefined || this.#stopped) return;
    this.#connecting = true;
    let upstream: Upstream | undefined;
    let connection: GrpcConnection;
    try {
      upstream = (await choose?.()) ?? this.#inTurn();
      if (this.#stopped) return;
      keepTokenFrom(upstream.endpoint, this.#options.metadata());
      connection = await connectGrpc(upstream.endpoint, {
        clock,
        ...timing?.(),
        onClose: (reason) => this.#lost(connection, reason),
      });
    } catch (error) {
      upstream?.failed();
      this.#connecting = false;
      const name = upstream === undefined ? '' : `${upstream.name}: `;
      return this.#retry(`${name}${describeError(error)}`);
    }
    this.#connecting = false;
    if (this.#stopped) return connection.close();
    this.#connection = connection;
    this.#upstream = upstream;
    this.#open(connection, upstream);
  }

  #inTurn(): Upstream {
    const { endpoints } = this.#options.target();
    const endpoint = endpoints[this.#endpoint % endpoints.length];
    if (endpoint === undefined) throw new Error('the bootstrap names no xDS server');
    const failed = () => {
      this.#endpoint++;
    };
    return { name: `${endpoint.host}:${endpoint.port}`, endpoint, opened() {}, failed };
  }

  #open(connection: GrpcConnection, upstream: Upstream): void {
    const { core, metadata, logger, clock } = this.#options;
    const mode = this.#mode;
    this.#openedAt = clock.monotonic();
    const headers = metadata();
    this.#token = headers.authorization;
    const stream: ClientStream = connection.open(PATHS[mode], headers, {
      onMessage: (message) => {
        if (this.#stream === stream) this.#receive(mode, message);
      },
      onEnd: (end) => {
        if (this.#stream === stream) this.#drop(end);
      },
    });
    this.#stream = stream;
    this.#setStatus(true, '', upstream.name);
    upstream.opened();
    // One that is refused again and again is opened as often: it is told of once it lasts.
    const tell = () => logger.info({ mode, controlPlane: upstream.name }, 'connected to the control plane');
    if (this.#steady) tell();
    else this.#cancelTelling = clock.after(STEADY_MS, tell);
    core.upstreamOpened(mode, { send: (message) => stream.send(encode(message)) });
    this.#options.onConnection(connection);
  }

  #receive(mode: Mode, message: Buffer): void {
    const { core } = this.#options;
    this.#unknown = 0;
    try {
      if (mode === 'delta') core.upstreamDelta(decodeDeltaResponse(message));
      else core.upstreamSotw(decodeSotwResponse(message));
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#drop({
        code: UNAVAILABLE,
        message: `the control plane sent something malformed: ${error.message}`,
      });
    }
  }

  #lost(connection: GrpcConnection, reason: string): void {
    if (this.#connection === connection) this.#drop({ code: UNAVAILABLE, message: reason });
  }

  /** The stream is over, for whatever reason; so is its connection: a load balancer may choose better. */
  #drop({ code, message }: StreamEnd): void {
    if (this.#stopped || this.#stream === undefined) return;
    const { clock, logger, onRefused } = this.#options;
    const upstream = this.#upstream;
    this.#letGo();
    this.#steady = clock.monotonic() - this.#openedAt >= STEADY_MS;
    if (this.#steady) {
      this.#backoff.reset();
      this.#told.clear();
    }
    if (code === UNIMPLEMENTED) {
      this.#mode = this.#mode === 'delta' ? 'sotw' : 'delta';
      this.#unknown++;
      logger[this.#unknown === 1 ? 'info' : 'debug'](
        { mode: this.#mode },
        'the control plane does not know this variant of xDS; trying the other',
      );
    }
    // It knows neither: something else answers in its place.
    if (code !== UNIMPLEMENTED || this.#unknown % 2 === 0) upstream?.failed();
    const said = hideIn(message, this.#token);
    const reason = said === '' ? `the control plane ended the stream (status ${code})` : said;
    this.#retry(reason);
    // Last: it may bring another token, with which the next stream begins at once.
    if (code === UNAUTHENTICATED || code === PERMISSION_DENIED || REFUSAL.test(message)) onRefused?.(reason);
  }

  #letGo(): void {
    const connection = this.#connection;
    this.#cancelTelling();
    if (this.#stream === undefined) return;
    this.#stream = undefined;
    this.#connection = undefined;
    this.#upstream = undefined;
    this.#options.onConnection(undefined);
    this.#options.core.upstreamClosed();
    connection?.close();
  }

  #retry(reason: string): void {
    if (this.#stopped) return;
    const { clock, logger } = this.#options;
    const pauseMs = Math.round(this.#backoff.next());
    // One line for each reason until a stream lasted, not one for each attempt.
    if (!this.#told.has(reason) && this.#told.size < MOST_TOLD) {
      this.#told.add(reason);
      logger.warn({ reason, retryInMs: pauseMs }, 'no stream to the control plane; Envoy keeps what it has');
    }
    this.#setStatus(false, reason);
    this.#cancelPause = clock.after(pauseMs, () => void this.#connect());
  }

  #setStatus(connected: boolean, reason: string, name = ''): void {
    const since = connected === this.#status.connected ? this.#status.since : this.#options.clock.monotonic();
    this.#status = { connected, mode: this.#mode, since, reason, name };
  }
}

/** Throws where the token would leave the host in clear text: the bootstrap alone says where its stream goes. */
function keepTokenFrom({ host, port, tls }: GrpcEndpoint, metadata: Readonly<Record<string, string>>): void {
  if (tls !== undefined || metadata.authorization === undefined || isLoopback(host)) return;
  throw new Error(
    `the token is not sent to ${host}:${port} over plain HTTP/2, which the bootstrap asks for; let the control plane serve xDS with TLS`,
  );
}

function encode(message: UpstreamRequest): Uint8Array {
  return message.mode === 'delta' ? encodeDeltaRequest(message.request) : encodeSotwRequest(message.request);
}
