import { lookup as askSystem, type LookupAddress, type LookupOptions } from 'node:dns';
import type { LookupFunction } from 'node:net';

/**
 * How many questions the system's resolver gets at a time. Each holds a thread of Node's pool of four for as long as a
 * silent name server is waited for, often 10 s and more, and nobody can call it back: the rest is for files.
 */
const MOST_AT_ONCE = 3;

const pending = new Map<string, Promise<LookupAddress[]>>();
const waiting: (() => void)[] = [];
let running = 0;

/** All addresses of a name. Who asks for what somebody waits for already shares the answer. */
export function lookupAll(
  host: string,
  { family = 0, hints = 0 }: Pick<LookupOptions, 'family' | 'hints'> = {},
): Promise<readonly LookupAddress[]> {
  const key = `${host} ${family} ${hints}`;
  const asked = pending.get(key);
  if (asked !== undefined) return asked;
  const answer = ask(host, { family, hints, all: true }).finally(() => pending.delete(key));
  pending.set(key, answer);
  return answer;
}

/** For the option of that name of sockets and requests. */
export const lookup: LookupFunction = (host, options, callback) => {
  lookupAll(host, options).then(
    (addresses) => {
      const [first] = addresses;
      if (options.all === true || first === undefined) callback(null, [...addresses]);
      else callback(null, first.address, first.family);
    },
    (error: NodeJS.ErrnoException) => callback(error, []),
  );
};

/** Whether a thread is held by the system's resolver. */
export function isLookingUp(): boolean {
  return running > 0;
}

async function ask(
  host: string,
  options: { readonly family: LookupOptions['family']; readonly hints: number; readonly all: true },
): Promise<LookupAddress[]> {
  // This name is in no name server: it need not wait for those that are.
  if (running >= MOST_AT_ONCE && host !== 'localhost')
    await new Promise<void>((resolve) => waiting.push(resolve));
  else running++;
  try {
    return await new Promise((resolve, reject) => {
      askSystem(host, { ...options }, (error, addresses) =>
        error === null ? resolve(addresses) : reject(error),
      );
    });
  } finally {
    const next = waiting.shift();
    if (next === undefined) running--;
    else next();
  }
}
