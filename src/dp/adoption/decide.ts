import type { KeptEnvoy } from '../run-dir/kept.ts';

/** What was seen of one Envoy that outlived its agent. */
export interface Look {
  readonly envoy: KeptEnvoy;
  /** What its admin interface said of itself; undefined when it did not answer in time. */
  readonly answer: EnvoyAnswer | undefined;
  /** The kernel has a socket of it that takes connections. */
  readonly listens: boolean;
}

export interface EnvoyAnswer {
  /** `LIVE`, `DRAINING`, `PRE_INITIALIZING`, … */
  readonly state: string;
  readonly epoch: number;
  readonly configPath: string;
}

export type Decision =
  | {
      readonly kind: 'adopt';
      readonly serving: KeptEnvoy;
      /** The parent of `serving`, whose connections end. */
      readonly leaving: KeptEnvoy | undefined;
      /** A child that was killed took its admin interface along. */
      readonly adminLost: boolean;
      /** With SIGKILL, before anything else; a child that ends in good order would end its parent, too. */
      readonly kill: readonly KeptEnvoy[];
    }
  | { readonly kind: 'end'; readonly reason: string };

/**
 * Which of the Envoys that are left is adopted. Only one that serves is: the newest that says it is live, or, when the
 * agent was killed in the middle of a hand-over, the one that was to be taken over from. All else is ended, and Envoy is
 * started as for the first time: that costs a moment, and half an adoption would cost trust in all that follows.
 */
export function decide(looks: readonly Look[]): Decision {
  const [newest, before, ...older] = looks.toSorted((a, b) => b.envoy.epoch - a.envoy.epoch);
  if (newest === undefined) return { kind: 'end', reason: 'no Envoy is left' };
  const rest = older.map(({ envoy }) => envoy);
  if (serves(newest)) {
    return {
      ...{ kind: 'adopt', serving: newest.envoy, adminLost: false, kill: rest },
      leaving: before?.envoy,
    };
  }
  // It never served: what it would have taken over, the one before still has, or its admin interface alone is lost.
  const candidate = before ?? newest;
  const unfinished = before === undefined ? [] : [newest.envoy];
  const isSilent = candidate.answer === undefined;
  if (serves(candidate) || (isSilent && candidate.listens && before !== undefined)) {
    return {
      ...{ kind: 'adopt', serving: candidate.envoy, leaving: undefined, adminLost: isSilent },
      kill: [...unfinished, ...rest],
    };
  }
  return { kind: 'end', reason: describe(candidate) };
}

function serves(look: Look): boolean {
  return look.answer?.state === 'LIVE' && isItself(look);
}

/** On the admin interface that is written down no other Envoy answers. */
export function isItself({ envoy, answer }: Look): boolean {
  return answer?.epoch === envoy.epoch && answer.configPath === envoy.bootstrapPath;
}

function describe(look: Look): string {
  const { envoy, answer } = look;
  const who = `Envoy ${envoy.pid}`;
  if (answer === undefined) return `${who} does not answer on its admin interface`;
  if (!isItself(look))
    return `on the admin interface of ${who} another Envoy answers (epoch ${answer.epoch}, ${answer.configPath})`;
  return `${who} does not serve: its state is ${answer.state}`;
}
