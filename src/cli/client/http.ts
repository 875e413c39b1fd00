/** TLS of one control plane; contents of PEM files, not their paths. */
export interface TlsOptions {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** Accepts any certificate. Callers warn loudly. */
  readonly skipVerify?: boolean;
}

export interface HttpRequest {
  readonly method: 'GET' | 'PUT' | 'DELETE';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly tls?: TlsOptions;
  readonly signal: AbortSignal;
}

export interface HttpResponse {
  readonly status: number;
  /** Value of the header by its lower-case name; several values are joined with a comma. */
  readonly header: (name: string) => string | undefined;
  readonly body: string;
}

/** Sends one request and reads its whole response; rejects with the socket's error. Redirects are not followed. */
export type SendHttp = (request: HttpRequest) => Promise<HttpResponse>;

/** A response above this is not one of a control plane. */
const MAX_RESPONSE_BYTES = 256 * 1024 * 1024;

/**
 * Over Node's own client and not `fetch`: that one takes no CA and costs 30 ms of a start. One connection a
 * request, closed after it, so that nothing holds the process when a command is done.
 */
export const sendHttp: SendHttp = async ({ method, url, headers, body, tls = {}, signal }) => {
  const secure = url.protocol === 'https:';
  const { request } = secure ? await import('node:https') : await import('node:http');
  const { promise, resolve, reject } = Promise.withResolvers<HttpResponse>();
  const bytes = body === undefined ? undefined : Buffer.from(body);
  const tlsOptions = {
    ca: tls.ca,
    cert: tls.cert,
    key: tls.key,
    rejectUnauthorized: tls.skipVerify !== true,
  };
  const length = bytes === undefined ? {} : { 'content-length': String(bytes.length) };
  const outgoing = request(
    url,
    { method, headers: { ...headers, ...length }, signal, agent: false, ...(secure ? tlsOptions : {}) },
    (incoming) => {
      const chunks: Buffer[] = [];
      let size = 0;
      incoming.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > MAX_RESPONSE_BYTES) {
          incoming.destroy(new Error(`response is larger than ${MAX_RESPONSE_BYTES} bytes`));
        } else chunks.push(chunk);
      });
      incoming.on('error', reject);
      incoming.on('end', () => {
        const header = (name: string) => {
          const value = incoming.headers[name];
          return typeof value === 'string' ? value : value?.join(', ');
        };
        resolve({ status: incoming.statusCode ?? 0, header, body: Buffer.concat(chunks).toString('utf8') });
      });
    },
  );
  outgoing.on('error', reject);
  outgoing.end(bytes);
  return promise;
};
