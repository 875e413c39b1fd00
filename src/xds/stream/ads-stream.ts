import * as grpc from '@grpc/grpc-js';
import { describeError } from '../../lib/coded-error.ts';
import type { Logger } from '../../lib/logger.ts';
import { type AdsCallbacks, type GrpcCode, type StreamInfo, StreamRefused } from '../callbacks.ts';
import { type Doubts, NO_DOUBTS, ProtocolError, type StreamMachine, type XdsResponse } from '../machine.ts';
import type { XdsNode } from '../node.ts';
import type { ProxySnapshot } from '../resource.ts';
import type { Decoded } from '../wire/request.ts';

export type AdsCall = grpc.ServerDuplexStream<Buffer, Buffer>;

/**
 * Bytes handed to the transport and not yet taken by it, above which a stream waits. One more response may lie on
 * top: that is all a proxy that does not read can make us hold.
 */
const HIGH_WATER_BYTES = 256 * 1024;

/** What differs between SotW and delta. */
export interface Variant<Request extends { readonly typeUrl: string }> {
  readonly mode: 'sotw' | 'delta';
  createMachine(): StreamMachine<Request>;
  decode(bytes: Uint8Array): Decoded<Request>;
  encode(response: XdsResponse): Buffer;
  /** Whether a request says anything about names: an acknowledgement that does not makes nothing due. */
  namesAny(request: Request): boolean;
}

/** What a stream needs of its server. */
export interface StreamHost {
  readonly callbacks: AdsCallbacks;
  readonly logger: Logger;
  nextId(): number;
  /** The stream of this node from now on; closes the one before. */
  claim(nodeId: string, stream: AdsStream): void;
  /** Resolves when it is this stream's turn to be answered. */
  admit(signal: AbortSignal): Promise<void>;
  watch(nodeId: string, stream: AdsStream): () => void;
  snapshot(nodeId: string): ProxySnapshot | undefined;
  /** Calls `flush` soon. */
  schedule(stream: AdsStream): void;
  forget(stream: AdsStream): void;
  /** What the node's last stream left unclear; asked once for a stream that was let in. */
  takeDoubts(nodeId: string): Doubts;
}

/** One stream as the server's registry and queue see it. */
export interface AdsStream {
  /** Undefined until the first request told who it is. */
  readonly info: StreamInfo | undefined;
  /** Writes what is owed, as far as the peer takes it. */
  flush(): void;
  close(code: GrpcCode, message: string): void;
  /** The client has and acknowledged all it asked for. */
  settled(): boolean;
  rejections(): ReadonlyMap<string, string>;
  doubts(): Doubts;
}

/** Takes over a call; it lives until the peer ends it, it breaks the protocol, or `close`. */
export function openAdsStream<Request extends { readonly typeUrl: string }>(
  call: AdsCall,
  variant: Variant<Request>,
  host: StreamHost,
): AdsStream {
  const stream = new Stream(call, variant, host);
  stream.listen();
  return stream;
}

class Stream<Request extends { readonly typeUrl: string }> implements AdsStream {
  readonly #call: AdsCall;
  readonly #variant: Variant<Request>;
  readonly #host: StreamHost;
  readonly #machine: StreamMachine<Request>;
  readonly #ended = new AbortController();
  #info: StreamInfo | undefined;
  #announced = false;
  #ready = false;
  #unsentBytes = 0;
  #unwatch: () => void = () => {};

  constructor(call: AdsCall, variant: Variant<Request>, host: StreamHost) {
    this.#call = call;
    this.#variant = variant;
    this.#host = host;
    this.#machine = variant.createMachine();
  }

  get info(): StreamInfo | undefined {
    return this.#info;
  }

  listen(): void {
    this.#call.on('data', (bytes: Buffer) => this.#guard(() => this.#receive(bytes)));
    // A broken connection too ends the reading side first; `cancelled` follows within the turn and tells them apart.
    this.#call.on('end', () => setImmediate(() => this.#finish(true) && this.#call.end()));
    this.#call.on('cancelled', () => this.#finish(false));
    this.#call.on('error', () => this.#finish(false));
  }

  flush(): void {
    this.#guard(() => {
      const info = this.#info;
      if (info === undefined || !this.#ready || this.#ended.signal.aborted) return;
      const snapshot = this.#host.snapshot(info.node.id);
      if (snapshot === undefined) return;
      while (this.#unsentBytes < HIGH_WATER_BYTES) {
        const response = this.#machine.next(snapshot);
        if (response === undefined) return;
        this.#write(this.#variant.encode(response));
        this.#host.callbacks.onSent(info, response.typeUrl, response.resources.length);
      }
    });
  }

  close(code: GrpcCode, message: string): void {
    if (!this.#finish(true)) return;
    this.#call.emit('error', { code: grpc.status[code], details: message });
  }

  settled(): boolean {
    const snapshot = this.#info === undefined ? undefined : this.#host.snapshot(this.#info.node.id);
    return this.#ready && snapshot !== undefined && this.#machine.settled(snapshot);
  }

  rejections(): ReadonlyMap<string, string> {
    return this.#machine.rejections();
  }

  doubts(): Doubts {
    return this.#announced ? this.#machine.doubts() : NO_DOUBTS;
  }

  #receive(bytes: Buffer): void {
    if (this.#ended.signal.aborted) return;
    const { node, request } = this.#variant.decode(bytes);
    if (this.#info === undefined) void this.#open(this.#introduce(node));
    else if (node !== undefined && node.id !== '' && node.id !== this.#info.node.id) {
      const change = `from "${this.#info.node.id}" to "${node.id}"`;
      throw new ProtocolError('INVALID_ARGUMENT', `node id changed ${change} in mid-stream`);
    }
    const info = this.#info;
    if (info === undefined || this.#ended.signal.aborted) return;
    const reaction = this.#machine.receive(request);
    if (reaction.kind === 'ack') this.#host.callbacks.onAck(info, request.typeUrl);
    if (reaction.kind === 'nack') this.#host.callbacks.onNack(info, request.typeUrl, reaction.message);
    const plainAck = reaction.kind === 'ack' && !this.#variant.namesAny(request);
    if (this.#ready && !plainAck) this.#host.schedule(this);
  }

  #introduce(node: XdsNode | undefined): StreamInfo {
    if (node === undefined || node.id === '') {
      throw new ProtocolError(
        'INVALID_ARGUMENT',
        'the first request of a stream must carry a node with an id',
      );
    }
    this.#info = {
      id: this.#host.nextId(),
      mode: this.#variant.mode,
      node,
      peer: this.#call.getPeer(),
      headers: new Map(
        Object.entries(this.#call.metadata.getMap()).map(([key, value]) => [key, value.toString()]),
      ),
      close: (code, message) => this.close(code, message),
    };
    return this.#info;
  }

  /** Who it is, may it, is it its turn: then the answers begin. Requests read meanwhile are already in the machine. */
  async #open(info: StreamInfo): Promise<void> {
    const { callbacks } = this.#host;
    try {
      if (callbacks.authorize !== undefined) await callbacks.authorize(info);
      if (this.#ended.signal.aborted) return;
      this.#host.claim(info.node.id, this);
      this.#announced = true;
      this.#machine.distrust(this.#host.takeDoubts(info.node.id));
      await callbacks.onOpen(info);
      await this.#host.admit(this.#ended.signal);
      if (this.#ended.signal.aborted) return;
      this.#ready = true;
      this.#unwatch = this.#host.watch(info.node.id, this);
      this.#host.schedule(this);
    } catch (error) {
      this.#fail(error);
    }
  }

  #write(bytes: Buffer): void {
    this.#unsentBytes += bytes.length;
    this.#call.write(bytes, (error: Error | null | undefined) => {
      this.#unsentBytes -= bytes.length;
      if (!error && this.#unsentBytes < HIGH_WATER_BYTES) this.#host.schedule(this);
    });
  }

  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** One stream's error is that stream's end, and nobody else's. */
  #fail(error: unknown): void {
    if (this.#ended.signal.aborted) return;
    if (error instanceof StreamRefused) {
      this.close(error.code, error.message);
      return;
    }
    const node = this.#info?.node.id ?? '';
    if (error instanceof ProtocolError) {
      const facts = {
        node,
        peer: this.#info?.peer ?? this.#call.getPeer(),
        code: error.code,
        reason: error.message,
      };
      this.#host.logger.warn(
        facts,
        `xds stream of node "${node}" broke the protocol and is closed: ${error.message}`,
      );
      this.close(error.code, error.message);
      return;
    }
    this.#host.logger.error({ node, error: describeError(error) }, `xds stream of node "${node}" failed`);
    this.close('INTERNAL', 'internal error, see the log of the control plane');
  }

  /** True the first time: everything that ends a stream comes through here. */
  #finish(graceful: boolean): boolean {
    if (this.#ended.signal.aborted) return false;
    this.#ended.abort();
    this.#unwatch();
    this.#host.forget(this);
    if (this.#announced && this.#info !== undefined) {
      try {
        this.#host.callbacks.onClosed(this.#info, graceful);
      } catch (error) {
        this.#host.logger.error({ error: describeError(error) }, 'onClosed of an xds stream failed');
      }
    }
    return true;
  }
}
