import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { Clock } from '../../lib/clock.ts';
import { describeError } from '../../lib/coded-error.ts';
import type { Logger } from '../../lib/logger.ts';
import type { ControlPlaneConfig } from '../config/config.ts';
import { loadGivenIdentity } from './given-identity.ts';
import { localNames } from './local-names.ts';
import { ensureServerIdentity, type ServerIdentity } from './server-identity.ts';

export interface ServingIdentityOptions {
  readonly config: Pick<ControlPlaneConfig, 'workDir' | 'hostNames' | 'tls' | 'bootstrap'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The certificate all TLS ports show, kept fresh while the process lives. */
export interface ServingIdentity {
  readonly current: ServerIdentity;
  /** Whether the current certificate is good for this host name or IP address. */
  covers(host: string): boolean;
  /** Called with each new certificate. */
  onChange(listener: (identity: ServerIdentity) => void): void;
  stop(): void;
}

const CHECK_EVERY_MS = 24 * 3_600_000;

/** The configured certificate, else one of the private CA for every name and address this machine goes by. */
export async function createServingIdentity(options: ServingIdentityOptions): Promise<ServingIdentity> {
  const { clock, logger } = options;
  const listeners: ((identity: ServerIdentity) => void)[] = [];
  let current = await obtain(options);
  let cancel = () => {};
  const schedule = () => {
    cancel = clock.after(CHECK_EVERY_MS, () => void refresh().finally(schedule));
  };
  const refresh = async () => {
    try {
      const next = await obtain(options);
      if (next.certPem === current.certPem) return;
      current = next;
      for (const listener of listeners) listener(next);
    } catch (error) {
      logger.error(
        { error: describeError(error) },
        'the server certificate could not be renewed; it is tried again tomorrow',
      );
    }
  };
  schedule();
  return {
    get current() {
      return current;
    },
    covers: (host) => covers(new X509Certificate(current.certPem), host),
    onChange: (listener) => void listeners.push(listener),
    stop: () => cancel(),
  };
}

async function obtain({ config, clock, logger }: ServingIdentityOptions): Promise<ServerIdentity> {
  if (config.tls !== undefined) return loadGivenIdentity({ ...config.tls, clock });
  const local = localNames();
  const xdsHost = config.bootstrap.xdsHost === undefined ? [] : [config.bootstrap.xdsHost];
  const names = [...local.names, ...config.hostNames, ...xdsHost];
  const own = await ensureServerIdentity({
    workDir: config.workDir,
    names,
    addresses: local.addresses,
    clock,
    logger,
  });
  // The CA goes along in the handshake: an agent that pins it by fingerprint has no other way to see it.
  return { ...own, certPem: `${own.certPem}${own.caPem}` };
}

function covers(certificate: X509Certificate, host: string): boolean {
  return (isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host)) !== undefined;
}
