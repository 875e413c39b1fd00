import { isIP } from 'node:net';
import { makeExactValidator, type ValidatorSpec } from 'envalid';

/** Values only the control plane's settings have; the common ones are in src/settings/values.ts. */

/** An address to listen on, `localhost`, or '' where another setting decides. */
export const listenAddress = exact((text) => {
  if (text === 'localhost') return '127.0.0.1';
  if (text === '' || isIP(text) !== 0) return text;
  throw new Error(`must be an IP address such as 127.0.0.1 or 0.0.0.0, got "${text}"`);
});

/** More than 0, at most a million. */
export const positiveInteger = exact((text) => {
  const n = /^\d{1,7}$/.test(text) ? Number(text) : 0;
  if (n < 1 || n > 1_000_000) throw new Error(`must be a whole number between 1 and 1000000, got "${text}"`);
  return n;
});

/** One of `accepted`; for a value Kuma knows and this control plane does not serve, `refused` has the reason. */
export function choice<const T extends string>(
  accepted: readonly T[],
  refused: Readonly<Record<string, string>>,
): (fallback: T) => ValidatorSpec<T> {
  return exact((text) => {
    const found = accepted.find((candidate) => candidate === text);
    if (found !== undefined) return found;
    if (Object.hasOwn(refused, text)) throw new Error(`"${text}" ${refused[text]}`);
    throw new Error(`must be one of ${accepted.filter((a) => a !== '').join(', ')}, got "${text}"`);
  });
}

/** A setting that may only be left empty, because what it asks for would silently not happen. */
export function mustBeEmpty(reason: string): ValidatorSpec<''> {
  return exact((text): '' => {
    if (text === '') return '';
    throw new Error(reason);
  })('');
}

/** The same for a switch. */
export function mustBeOff(reason: string): ValidatorSpec<false> {
  return exact((text): false => {
    if (/^(false|0|no|off)$/i.test(text)) return false;
    throw new Error(reason);
  })(false);
}

function exact<T>(parse: (text: string) => T): (fallback: T) => ValidatorSpec<T> {
  const validator = makeExactValidator<T>(parse);
  return (fallback) => validator({ default: fallback as NonNullable<T> });
}
