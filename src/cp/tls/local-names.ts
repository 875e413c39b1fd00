import { hostname, networkInterfaces } from 'node:os';

export interface LocalNames {
  readonly names: readonly string[];
  readonly addresses: readonly string[];
}

/** How this machine can be called: its host name, `localhost` and every address of its interfaces but link-local ones. */
export function localNames(interfaces = networkInterfaces(), host = hostname()): LocalNames {
  const found = Object.values(interfaces)
    .flatMap((list) => list ?? [])
    .map(({ address }) => address)
    .filter((address) => !/^fe[89ab][0-9a-f]:/i.test(address));
  return {
    names: [...new Set(['localhost', host.toLowerCase()])],
    addresses: [...new Set(['127.0.0.1', '::1', ...found])].sort(),
  };
}
