import { describeError } from '../../../lib/coded-error.ts';
import { StoreError } from '../errors.ts';
import { findHolder } from './holder.ts';

/** Primary result codes of SQLite. */
const BUSY = 5;
const CORRUPT = 11;
const NOT_A_DATABASE = 26;

/** Says what an engine failure means for the person who runs the control plane. */
export function toStoreError(error: unknown, path: string): StoreError {
  const options = { cause: error };
  if (error instanceof StoreError)
    return new StoreError(error.code, `store file "${path}": ${error.message}`, options);
  switch (primaryCode(error)) {
    case BUSY: {
      const pid = findHolder(path);
      const who = pid === undefined ? 'another process' : `another process (pid ${pid})`;
      const help = 'stop that kuma-cp, or give this one its own store.sqlite.path';
      return new StoreError('locked', `store file "${path}" is in use by ${who}; ${help}`, options);
    }
    case CORRUPT:
    case NOT_A_DATABASE: {
      const help = 'it was left as it is; restore a backup, or move it away to start with an empty store';
      return new StoreError(
        'corrupt',
        `store file "${path}" can not be read: ${describeError(error)}; ${help}`,
        options,
      );
    }
    default:
      return new StoreError(
        'unavailable',
        `store file "${path}" can not be used: ${describeError(error)}`,
        options,
      );
  }
}

function primaryCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number')
    return undefined;
  return error.errcode & 0xff;
}
