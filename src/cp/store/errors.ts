import { CodedError } from '../../lib/coded-error.ts';

export type StoreErrorCode =
  | 'already-exists'
  | 'not-found'
  | 'conflict'
  | 'locked'
  | 'corrupt'
  | 'unavailable';

/** What a store throws on purpose. `locked`: another kuma-cp holds the file. */
export class StoreError extends CodedError<StoreErrorCode> {}
