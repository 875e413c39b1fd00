import * as grpc from '@grpc/grpc-js';

export interface GrpcServerOptions {
  /** Time without traffic after which the peer is pinged; default 10 s. */
  readonly keepaliveTimeMs?: number;
  /** Time the peer has to answer a ping before its connection is cut; default 5 s. */
  readonly keepaliveTimeoutMs?: number;
  /** Largest request, in bytes; default 4 MiB: names of resources, never their content. */
  readonly maxRequestBytes?: number;
}

/** Streams of one connection: a proxy or agent needs one ADS stream, a few while one replaces another, and HDS. */
const MAX_STREAMS = 100;

/**
 * A grpc-js server for xDS. Who owns TLS hands it sockets that are past their handshake (ALPN `h2`):
 * `server.createConnectionInjector(grpc.ServerCredentials.createInsecure()).injectConnection(socket)`.
 */
export function createGrpcServer(options: GrpcServerOptions = {}): grpc.Server {
  return new grpc.Server({
    'grpc.keepalive_time_ms': options.keepaliveTimeMs ?? 10_000,
    'grpc.keepalive_timeout_ms': options.keepaliveTimeoutMs ?? 5_000,
    'grpc.max_receive_message_length': options.maxRequestBytes ?? 4 * 1024 * 1024,
    'grpc.max_send_message_length': -1,
    'grpc.max_concurrent_streams': MAX_STREAMS,
    'grpc.enable_channelz': 0,
  });
}
