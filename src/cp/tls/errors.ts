import { CodedError } from '../../lib/coded-error.ts';

/**
 * `invalid`: a certificate or key can not be used as it is. `foreign`: a file stands where ours would, and is not
 * ours to replace. `unavailable`: files can not be read or written.
 */
export type TlsErrorCode = 'invalid' | 'foreign' | 'unavailable';

/** Why the control plane has no certificate to serve. Nothing was overwritten. */
export class TlsError extends CodedError<TlsErrorCode> {}
