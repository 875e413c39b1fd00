import { keyOf, overlap, type Place, type Taken } from './place.ts';
import type { Surroundings } from './surroundings.ts';

export type Decision =
  | Taken
  /** It is this proxy's until released. */
  | { readonly kind: 'held'; readonly place: Place; readonly release: () => void };

type Held = Extract<Decision, { kind: 'held' }>;

/**
 * Who has these places. Claim first, then look: of two agents at the same instant one fails to claim, or, where one wants
 * all addresses and the other a single one, both see the claim of the other and give way until the next look. What is
 * taken anyway is not claimed, so that nobody takes a vain claim for an owner.
 */
export async function decide(
  places: readonly Place[],
  isMine: (key: string) => boolean,
  surroundings: Surroundings,
): Promise<readonly Decision[]> {
  const taken = new Map<Place, Taken>();
  let claims: ReturnType<Surroundings['claims']> | undefined;
  const note = (found: readonly Taken[]) => {
    for (const one of found) taken.set(one.place, one);
  };
  note(await Promise.all(surroundings.look(places).map(withClaimant)));
  const won = await Promise.all(places.flatMap((place) => (taken.has(place) ? [] : claim(place))));
  note(won.flatMap((one) => (one.kind === 'taken' ? [one] : [])));
  const held = won.flatMap((one) => (one.kind === 'held' ? [one] : []));
  note(await surroundings.probe(held.map(({ place }) => place)));
  note(await rivalsOf(held));
  for (const one of held) if (taken.has(one.place)) one.release();
  return [...taken.values(), ...held.filter(({ place }) => !taken.has(place))];

  /** An Envoy of another user is known by the claim of its agent only. */
  async function withClaimant(found: Taken): Promise<Taken> {
    if (found.byAgent) return found;
    claims ??= surroundings.claims();
    const claim = claims.find((one) => overlap(found.place, one) && !isMine(one.key));
    return claim === undefined
      ? found
      : { ...found, owner: await surroundings.askClaimant(claim.key), byAgent: true };
  }

  async function claim(place: Place): Promise<Decision> {
    const release = await surroundings.claim(place);
    return release === undefined
      ? { kind: 'taken', place, owner: await surroundings.askClaimant(keyOf(place)), byAgent: true }
      : { kind: 'held', place, release };
  }

  async function rivalsOf(won: readonly Held[]): Promise<readonly Taken[]> {
    if (won.length === 0) return [];
    const own = new Set(won.map(({ place }) => keyOf(place)));
    const others = surroundings.claims().filter(({ key }) => !own.has(key) && !isMine(key));
    const found = won.map(async ({ place }): Promise<readonly Taken[]> => {
      const rival = others.find((other) => overlap(place, other));
      if (rival === undefined) return [];
      return [{ kind: 'taken', place, owner: await surroundings.askClaimant(rival.key), byAgent: true }];
    });
    return (await Promise.all(found)).flat();
  }
}
