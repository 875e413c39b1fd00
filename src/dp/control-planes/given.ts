/** A control plane, or several, as the user named them. */
export type Given =
  | { readonly kind: 'url'; readonly url: URL }
  /** Hosts and ports of the bootstrap server stand in the DNS. */
  | { readonly kind: 'srv'; readonly name: string; readonly protocol: 'https:' | 'http:' };

export type ParsedGiven =
  | { readonly ok: true; readonly given: readonly Given[] }
  /** Ends the sentence "SETTING ". */
  | { readonly ok: false; readonly message: string };

const SRV = /^srv(\+http|\+https)?:(?:\/\/)?(_[a-z0-9-]+\._tcp\.[a-z0-9._-]+?)\.?\/?$/i;

/** URLs and `srv:` names with commas between; a path is ignored. What stands there twice counts once. */
export function parseGiven(text: string): ParsedGiven {
  const parts = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  const given = new Map<string, Given>();
  for (const part of parts) {
    const one = parseOne(part);
    if (one === undefined)
      return {
        ok: false,
        message: part.startsWith('srv')
          ? `must be a name such as srv:_kuma-cp._tcp.example.com (srv+http: for plain HTTP), got "${part}"`
          : `must be a URL such as https://localhost:5678, got "${part}"`,
      };
    given.set(one.kind === 'url' ? one.url.href : `${one.protocol}${one.name}`, one);
  }
  if (given.size === 0)
    return { ok: false, message: `must be a URL such as https://localhost:5678, got "${text}"` };
  return { ok: true, given: [...given.values()] };
}

function parseOne(part: string): Given | undefined {
  const srv = SRV.exec(part);
  if (srv !== null) {
    const [, scheme = '', name = ''] = srv;
    return { kind: 'srv', name: name.toLowerCase(), protocol: scheme === '+http' ? 'http:' : 'https:' };
  }
  const url = URL.canParse(part) ? new URL(part) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol) || url.hostname === '')
    return undefined;
  return { kind: 'url', url: new URL(url.origin) };
}

/** What stands for all of them in messages and files that name one. */
export function urlOfGiven(given: Given): URL {
  return given.kind === 'url' ? given.url : new URL(`${given.protocol}//${given.name}`);
}

/** All that were given, in their order. */
export function givenOf({
  url,
  given,
}: {
  readonly url: URL;
  readonly given?: readonly Given[];
}): readonly Given[] {
  return given ?? [{ kind: 'url', url }];
}
