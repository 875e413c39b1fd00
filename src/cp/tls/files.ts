import { X509Certificate } from 'node:crypto';
import { chmodSync, readFileSync, statSync } from 'node:fs';
import { describeError } from '../../lib/coded-error.ts';
import type { Logger } from '../../lib/logger.ts';
import { TlsError } from './errors.ts';

/** Content of a file, undefined when there is none. */
export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new TlsError('unavailable', `"${path}" can not be read: ${describeError(error)}`, { cause: error });
  }
}

/** Runs what writes files, and says which of them failed. */
export function writing<T>(path: string, write: () => T): T {
  try {
    return write();
  } catch (error) {
    throw new TlsError('unavailable', `"${path}" can not be written: ${describeError(error)}`, {
      cause: error,
    });
  }
}

/** The first certificate in a PEM text. */
export function parseCertificate(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

/** Takes a private key that others can read back from them. What was read before stays read: hence the warning. */
export function keepPrivate(path: string, logger: Logger): void {
  const mode = statSync(path).mode & 0o777;
  if ((mode & 0o077) === 0) return;
  writing(path, () => chmodSync(path, 0o600));
  logger.warn({ path, mode: mode.toString(8) }, 'private key could be read by others; its mode is 0600 now');
}
