import type { TypeCache } from './cache.ts';
import type { Resource } from './resource.ts';
import type { Claim } from './upstream-session.ts';

/** No control plane has it: whoever is told this version sends its own, or that there is none. */
const UNACCEPTED = 'unaccepted';

/**
 * What a new stream says is here already. Of what is here but was not accepted only the existence is told, so that
 * the control plane sends it, or its removal, once more.
 */
export function claimFor(
  cache: TypeCache,
  accepted: ReadonlyMap<string, Resource> | undefined,
  { isWanted, setVersion }: { isWanted: (name: string) => boolean; setVersion: string },
): Claim {
  const versions = new Map<string, string>();
  let all = true;
  for (const [name, { version }] of cache.resources) {
    const isAccepted = accepted?.get(name)?.version === version;
    if (!isAccepted) all = false;
    if (isWanted(name)) versions.set(name, (isAccepted && cache.upstreamVersions.get(name)) || UNACCEPTED);
  }
  return { versions, setVersion: all ? setVersion : '' };
}
