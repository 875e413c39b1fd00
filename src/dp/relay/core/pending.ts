import type { Said } from './cache.ts';
import type { Peer } from './peer.ts';

/** A response of the control plane that is not answered yet. */
export interface Pending {
  readonly typeUrl: string;
  readonly nonce: string;
  readonly versionInfo: string;
  readonly said: Said;
}

export type Settlement = 'waiting' | { readonly error: Uint8Array | undefined };

/** A refusal in the name of Envoy, or that it is not known yet whether there is one. */
export type Veto = Uint8Array | 'waiting' | undefined;

export interface Judge {
  /** The Envoy whose word counts; undefined while there is none. */
  readonly decider: Peer | undefined;
  /** Version the control plane holds now; '' for none. */
  current(typeUrl: string, name: string): string;
  /** For example while an older generation is pinned, or a port is taken. */
  veto(typeUrl: string, name: string, version: string): Veto;
}

/**
 * Whether a response can be answered, and how: one refused resource refuses it all. What changes nothing for the
 * deciding Envoy is settled at once, and so is what a newer response has overtaken.
 */
export function settle({ typeUrl, said }: Pending, judge: Judge): Settlement {
  let waiting = false;
  let error: Uint8Array | undefined;
  for (const [name, version] of said) {
    if (judge.current(typeUrl, name) !== version) continue;
    const veto = judge.veto(typeUrl, name, version);
    const verdict =
      veto === undefined
        ? judgeByPeer(judge.decider, typeUrl, name, version)
        : veto === 'waiting'
          ? veto
          : { refused: veto };
    if (verdict === 'waiting') waiting = true;
    else if (verdict !== 'accepted') error ??= verdict.refused;
  }
  if (error !== undefined) return { error };
  // Without any Envoy nobody can say that even an empty set is good; there is nothing to refuse in it either.
  return waiting ? 'waiting' : { error: undefined };
}

function judgeByPeer(
  decider: Peer | undefined,
  typeUrl: string,
  name: string,
  version: string,
): 'waiting' | 'accepted' | { readonly refused: Uint8Array } {
  if (decider === undefined) return 'waiting';
  const type = decider.types.get(typeUrl);
  const verdict = type?.verdict(name, version) ?? 'not-asked';
  // An Envoy that is still starting asks for more types later; what it does not ask for otherwise is nothing to it.
  if (verdict === 'not-asked') return decider.live || type?.subscribed === true ? 'accepted' : 'waiting';
  // Absence of a named resource cannot be said in SotW.
  if (version === '' && decider.mode === 'sotw' && type?.wildcard === false) return 'accepted';
  return verdict;
}
