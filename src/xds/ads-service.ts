import * as grpc from '@grpc/grpc-js';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { SnapshotCache } from './cache.ts';
import type { AdsCallbacks } from './callbacks.ts';
import { createDeltaMachine, type DeltaRequest } from './delta.ts';
import { createSotwMachine, type SotwRequest } from './sotw.ts';
import { type AdmissionOptions, createAdmission } from './stream/admission.ts';
import {
  type AdsCall,
  type AdsStream,
  openAdsStream,
  type StreamHost,
  type Variant,
} from './stream/ads-stream.ts';
import { DoubtMemory } from './stream/doubt-memory.ts';
import { createFlushQueue } from './stream/flush-queue.ts';
import { StreamRegistry } from './stream/registry.ts';
import { decodeDeltaRequest, decodeSotwRequest } from './wire/request.ts';
import { encodeDeltaResponse, encodeSotwResponse } from './wire/response.ts';

/** The xDS server: one aggregated stream per proxy, answered from the snapshot cache. It knows no mesh. */
export interface AdsServiceOptions {
  readonly cache: SnapshotCache;
  readonly callbacks: AdsCallbacks;
  readonly logger: Logger;
  readonly clock: Clock;
  /** How fast new streams get their first answers; default 500 a second after a burst of 100. */
  readonly admission?: AdmissionOptions;
}

/** What the control plane may ask about a connected proxy. */
export interface ProxyStatus {
  /** It has and acknowledged everything of its snapshot that it asked for. */
  readonly settled: boolean;
  /** Type URL → Envoy's text, for types whose newest response it refused. */
  readonly rejections: ReadonlyMap<string, string>;
}

export interface AdsService {
  /** Undefined when the node has no stream. */
  status(nodeId: string): ProxyStatus | undefined;
  /** Streams open now, of known and unknown nodes. */
  readonly streamCount: number;
  /** Ends every stream with UNAVAILABLE and refuses new ones; resolves when all peers were told, after 2 s at most. */
  close(): Promise<void>;
}

const DEFAULT_ADMISSION: AdmissionOptions = { ratePerSecond: 500, burst: 100 };
const CLOSE_GRACE_MS = 2000;
const INTRODUCTION_MS = 30_000;
const SHUTTING_DOWN = 'the control plane is shutting down';

const DELTA: Variant<DeltaRequest> = {
  mode: 'delta',
  createMachine: createDeltaMachine,
  decode: decodeDeltaRequest,
  encode: encodeDeltaResponse,
  namesAny: ({ subscribe, unsubscribe }) => subscribe.length + unsubscribe.length > 0,
};

const SOTW: Variant<SotwRequest> = {
  mode: 'sotw',
  createMachine: createSotwMachine,
  decode: decodeSotwRequest,
  encode: encodeSotwResponse,
  // Each request lists all names, which may have changed.
  namesAny: () => true,
};

/** Adds `envoy.service.discovery.v3.AggregatedDiscoveryService`; the server and its sockets stay the caller's. */
export function registerAdsService(server: grpc.Server, options: AdsServiceOptions): AdsService {
  const { callbacks, logger, clock, cache } = options;
  const registry = new StreamRegistry(clock, logger);
  const admission = createAdmission(options.admission ?? DEFAULT_ADMISSION, clock);
  const queue = createFlushQueue<AdsStream>(
    (stream) => stream.flush(),
    () => clock.monotonic(),
  );
  const doubts = new DoubtMemory();
  const streams = new Map<AdsStream, AdsCall>();
  let closing = false;
  let lastId = 0;

  const host: StreamHost = {
    callbacks,
    logger,
    nextId: () => ++lastId,
    claim: (nodeId, stream) => registry.claim(nodeId, stream),
    admit: (signal) => admission.enter(signal),
    watch: (nodeId, stream) => cache.watch(nodeId, () => queue.add(stream)),
    snapshot: (nodeId) => cache.get(nodeId),
    schedule: (stream) => queue.add(stream),
    forget(stream) {
      streams.delete(stream);
      if (stream.info === undefined) return;
      doubts.remember(stream.info.node.id, stream.doubts());
      registry.release(stream.info.node.id, stream);
    },
    takeDoubts: (nodeId) => doubts.take(nodeId),
  };

  function register(stream: AdsStream, call: AdsCall): AdsStream {
    streams.set(stream, call);
    return stream;
  }

  function handle<Request extends { readonly typeUrl: string }>(variant: Variant<Request>) {
    return (call: AdsCall) => {
      if (closing) call.emit('error', { code: grpc.status.UNAVAILABLE, details: SHUTTING_DOWN });
      else awaitIntroduction(clock, register(openAdsStream(call, variant, host), call));
    };
  }

  server.addService(SERVICE, {
    StreamAggregatedResources: handle(SOTW),
    DeltaAggregatedResources: handle(DELTA),
  });

  return {
    status(nodeId) {
      const stream = registry.get(nodeId);
      return stream && { settled: stream.settled(), rejections: stream.rejections() };
    },
    get streamCount() {
      return streams.size;
    },
    async close() {
      closing = true;
      const open = [...streams];
      const ended = open.map(
        ([, call]) => new Promise<void>((resolve) => call.once('close', () => resolve())),
      );
      for (const [stream] of open) stream.close('UNAVAILABLE', SHUTTING_DOWN);
      await Promise.race([
        Promise.all(ended),
        new Promise<void>((resolve) => clock.after(CLOSE_GRACE_MS, resolve)),
      ]);
    },
  };
}

/** A stream that never says who it is holds nothing but its place; it does not hold that for ever. */
function awaitIntroduction(clock: Clock, stream: AdsStream): void {
  clock.after(INTRODUCTION_MS, () => {
    if (stream.info === undefined)
      stream.close('INVALID_ARGUMENT', `no request within ${INTRODUCTION_MS / 1000} s`);
  });
}

/** Messages cross grpc-js as they are: requests are decoded and responses framed by this folder. */
const asIs = (bytes: Buffer): Buffer => bytes;
const method = (name: string) => ({
  path: `/envoy.service.discovery.v3.AggregatedDiscoveryService/${name}`,
  requestStream: true,
  responseStream: true,
  requestSerialize: asIs,
  requestDeserialize: asIs,
  responseSerialize: asIs,
  responseDeserialize: asIs,
});
const SERVICE: grpc.ServiceDefinition = {
  StreamAggregatedResources: method('StreamAggregatedResources'),
  DeltaAggregatedResources: method('DeltaAggregatedResources'),
};
