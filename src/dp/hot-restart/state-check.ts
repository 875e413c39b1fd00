import { rmSync, writeFileSync } from 'node:fs';
import { encodeStaticState, isStatic, type OpaqueResource } from './static-state.ts';

export interface StateCheck {
  /** What the serving Envoy accepted of xDS. */
  readonly accepted: readonly OpaqueResource[];
  /** Where the state is put for the time of the check; it may hold secrets. */
  readonly path: string;
  /** What the new binary has against the bootstrap together with the state at `path`; undefined when it takes both. */
  readonly validate: () => Promise<string | undefined>;
  readonly signal: AbortSignal;
}

export interface Refusal {
  readonly problem: string;
  /** `listener "inbound:127.0.0.1:8080"`; undefined where it could not be found out. */
  readonly resource: string | undefined;
}

/**
 * What the new binary has against the state it is to be given. Envoy names the cause and not the resource, so that is
 * looked for: it takes some more validations, and only after a refusal.
 */
export async function checkState({
  accepted,
  path,
  validate,
  signal,
}: StateCheck): Promise<Refusal | undefined> {
  // What others lean on comes first: a refusal of the first n is due to the n-th.
  const resources = accepted.filter(isStatic).toSorted((a, b) => rank(a) - rank(b));
  const validateFirst = async (count: number) => {
    writeFileSync(path, encodeStaticState(resources.slice(0, count)), { mode: 0o600 });
    return validate();
  };
  try {
    const whole = resources.length === 0 ? undefined : await validateFirst(resources.length);
    if (whole === undefined) return undefined;
    let taken = 0;
    let refused = { count: resources.length, problem: whole };
    while (refused.count - taken > 1) {
      const count = Math.floor((taken + refused.count) / 2);
      const problem = await validateFirst(count);
      // An aborted validation objects to nothing.
      if (signal.aborted) return { problem: whole, resource: undefined };
      if (problem === undefined) taken = count;
      else refused = { count, problem };
    }
    const found = resources[refused.count - 1];
    return { problem: refused.problem, resource: found && `${kind(found)} "${found.name}"` };
  } finally {
    rmSync(path, { force: true });
  }
}

const ORDER = ['secret', 'cluster', 'listener'];

function rank(resource: OpaqueResource): number {
  return ORDER.indexOf(kind(resource));
}

/** `type.googleapis.com/envoy.config.listener.v3.Listener` → `listener`. */
function kind({ typeUrl }: OpaqueResource): string {
  return typeUrl.slice(typeUrl.lastIndexOf('.') + 1).toLowerCase();
}
