import { CodedError } from '../../lib/coded-error.ts';

export type SyncErrorCode = 'unknown-mesh' | 'unknown-dataplane' | 'stopped';

/** Why a proxy that connects cannot be given a configuration. */
export class SyncError extends CodedError<SyncErrorCode> {}
