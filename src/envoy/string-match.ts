import { create } from '@bufbuild/protobuf';
import { type StringMatcher, StringMatcherSchema } from '../proto/gen/envoy/type/matcher/v3/string_pb.js';

/** Exactly one field. `regex` is RE2 and matches the whole value. */
export interface StringMatch {
  readonly exact?: string;
  readonly prefix?: string;
  readonly regex?: string;
}

export function stringMatcher({ exact, prefix, regex }: StringMatch): StringMatcher {
  return create(StringMatcherSchema, { matchPattern: pattern() });

  function pattern() {
    if (exact !== undefined) return { case: 'exact' as const, value: exact };
    if (regex !== undefined) return { case: 'safeRegex' as const, value: { regex } };
    if (prefix !== undefined && prefix !== '') return { case: 'prefix' as const, value: prefix };
    // Envoy refuses an empty prefix.
    return { case: 'safeRegex' as const, value: { regex: '.*' } };
  }
}
