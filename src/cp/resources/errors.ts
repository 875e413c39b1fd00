import { CodedError } from '../../lib/coded-error.ts';

/** What the resource manager throws on purpose; outcomes a caller of the API can cause are values instead. */
export class ResourceError extends CodedError<'default-mesh'> {}
