import { describeError } from '../../lib/coded-error.ts';
import type { Exchange } from '../../lib/http-exchange.ts';
import type { AgentErrorCode } from '../agent-error.ts';

/** Why a bootstrap request failed, what to do about it, and whether time alone may heal it. */
export interface BootstrapFailure {
  readonly code: AgentErrorCode;
  readonly retry: boolean;
  /** Ends the sentence "cannot get the bootstrap from URL: ". */
  readonly message: string;
  /** It is about who we are: the token. */
  readonly auth?: true;
}

/** Codes of Node and OpenSSL for a certificate that no trusted CA has signed. */
const UNTRUSTED = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'INVALID_CA',
]);

/** The real kuma-cp says so with various statuses. */
const REFUSAL = /authentication failed|invalid token|token is expired|unauthenticated/i;

/** A fault below HTTP. Certificates that are not valid at this time heal with the clock; wrong ones do not. */
export function explainFault(error: unknown, url: URL): BootstrapFailure {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const text = describeError(error);
  const unreachable = (message: string): BootstrapFailure => ({
    code: 'control-plane-unreachable',
    retry: true,
    message,
  });
  const untrusted = (message: string): BootstrapFailure => ({
    code: 'control-plane-untrusted',
    retry: false,
    message,
  });
  if (code === 'ECONNREFUSED')
    return unreachable(`nothing listens on ${url.host}; is kuma-cp running there, and is the port right?`);
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return unreachable(
      `the name ${url.hostname} cannot be resolved (${code}); check --cp-address and the resolver`,
    );
  if (code === 'ETIMEDOUT') return unreachable(`${text}; is a firewall in between?`);
  if (UNTRUSTED.has(code)) {
    return untrusted(
      `its certificate is not signed by a trusted CA (${code}); give the CA of the control plane with --ca-cert-file, or its digest with --ca-fingerprint`,
    );
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return untrusted(
      `its certificate is for other names (${text}); use one of them in --cp-address, or have kuma-cp add ${url.hostname}`,
    );
  }
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') {
    return {
      code: 'control-plane-untrusted',
      retry: true,
      message: `its certificate is not valid now (${code}); check the clocks of both hosts`,
    };
  }
  if (code === 'CA_FINGERPRINT_MISMATCH') return untrusted(text);
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_')) {
    return {
      code: 'control-plane-unreachable',
      retry: false,
      message: `${url.host} does not speak TLS; is this the right port (5678), or is http:// meant?`,
    };
  }
  if (code.startsWith('HPE_')) {
    return {
      code: 'control-plane-unreachable',
      retry: false,
      message: `${url.host} does not speak HTTP/1.1; is this the right port, or is https:// meant?`,
    };
  }
  if (code === 'EMSGSIZE') return { code: 'bootstrap-unusable', retry: false, message: text };
  return unreachable(text);
}

/** An HTTP answer that brings no bootstrap. An empty 404 means: this Dataplane is not known, yet. */
export function explainStatus({ status, body, headers }: Exchange, url: URL): BootstrapFailure {
  const text = firstLine(body);
  if (status === 404 && text === '') {
    return {
      code: 'dataplane-not-found',
      retry: true,
      message:
        'it does not know this Dataplane; apply the Dataplane first (kumactl apply -f …), or bring it with --dataplane-file',
    };
  }
  if (status === 404 || status === 405) {
    return {
      code: 'control-plane-unreachable',
      retry: false,
      message: `${url.host} has no bootstrap there (${status} ${withoutStatus(text, status)}); this looks like another port of the control plane: bootstrap is on 5678 (https) and 5682`,
    };
  }
  if (status >= 300 && status < 400) {
    return {
      code: 'control-plane-unreachable',
      retry: false,
      message: `it redirects to ${headers.location ?? 'elsewhere'}; put the final address into --cp-address`,
    };
  }
  if (status === 400 && /HTTP request to an HTTPS server/i.test(body)) {
    return {
      code: 'control-plane-unreachable',
      retry: false,
      message: `${url.host} wants TLS; use https:// in --cp-address`,
    };
  }
  if (status === 408 || status === 425 || status === 429 || status >= 500) {
    return {
      code: 'control-plane-unreachable',
      retry: true,
      message: `it answers ${status}${text === '' ? '' : ` ${text}`}; ${text === A_PAGE ? `is this kuma-cp, or another program on ${url.host}?` : 'its log says more'}`,
    };
  }
  return {
    code: 'bootstrap-rejected',
    retry: false,
    ...(status === 401 || status === 403 || REFUSAL.test(text) ? { auth: true } : {}),
    message: text === '' ? `it refuses the request (${status}); its log says more` : `${text} (${status})`,
  };
}

/** Of other programs and of proxies in between; kuma-cp sends none. */
const A_PAGE = 'with a web page';

function firstLine(body: string): string {
  if (/^\s*<(!doctype|html)/i.test(body)) return A_PAGE;
  const line = body.trim().replace(/\s+/g, ' ');
  return line.length > 500 ? `${line.slice(0, 500)}…` : line;
}

function withoutStatus(text: string, status: number): string {
  return text.startsWith(`${status}: `) ? text.slice(`${status}: `.length) : text;
}
