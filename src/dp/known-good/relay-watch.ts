import type { Clock } from '../../lib/clock.ts';
import type { AcceptedState } from './generation.ts';
import type { StateSession } from './session.ts';

/** The part of the relay that is watched and fed. */
export interface WatchedRelay {
  readonly status: {
    readonly upstream: { readonly connected: boolean; readonly since: number; readonly reason: string };
    readonly envoys: readonly { readonly live: boolean }[];
    readonly unanswered: number;
  };
  /** What the serving Envoy accepted; undefined while none has served. */
  accepted(): AcceptedState | undefined;
  restore(state: AcceptedState): void;
}

export interface RelayWatchOptions {
  readonly relay: WatchedRelay;
  readonly session: Pick<StateSession, 'stale' | 'usable' | 'markStale' | 'markFresh' | 'accepted'>;
  readonly clock: Clock;
  /** How long a start without any configuration waits for the control plane, in ms. */
  readonly graceMs: number;
  /** Whether the control plane gave a bootstrap in this run: one that takes connections and never answers is not back. */
  readonly answered: () => boolean;
  /** A stream to the control plane opened. */
  readonly onReconnected: () => void;
}

export interface RelayWatch {
  /** What happens in the relay; cheap. */
  onEvent(event: { readonly event: string }): void;
  stop(): void;
}

const LOOK_EVERY_MS = 500;
/** Until the control plane is back, which then is to hear of the application at once. */
const AWAY_EVERY_MS = 100;
/** A look at all of a large configuration costs some milliseconds. */
const TAKE_EVERY_MS = 2_000;
/** A control plane whose answers all fit what was claimed says nothing: silence for so long is consent. */
const CONSENT_MS = 2_000;
const QUIET_MS = 500;

/**
 * Carries what the serving Envoy accepted to the known good state, what is known to be good to a relay that has nothing,
 * and tells when the control plane stands behind all that is served.
 */
export function startRelayWatch(options: RelayWatchOptions): RelayWatch {
  const { relay, session, clock, graceMs, onReconnected } = options;
  let changed = false;
  let receivedAt = Number.NEGATIVE_INFINITY;
  let connectedSince: number | undefined;
  let takenAt = Number.NEGATIVE_INFINITY;
  /** Opened at that time, this stream claimed nothing of what was restored since: its silence says nothing. */
  let restoredOn: number | undefined;
  let cancelLook = (): void => {};

  function look(): void {
    const { upstream, envoys, unanswered } = relay.status;
    const now = clock.monotonic();
    if (upstream.connected && upstream.since !== connectedSince) onReconnected();
    connectedSince = upstream.connected ? upstream.since : undefined;
    const quiet = now - upstream.since >= CONSENT_MS && now - receivedAt >= QUIET_MS && unanswered === 0;
    const heard = receivedAt !== Number.NEGATIVE_INFINITY;
    const consents = heard || (options.answered() && upstream.since !== restoredOn);
    // What an Envoy accepted that is gone by now may have been its end.
    const served = envoys.some(({ live }) => live);
    if (upstream.connected && quiet && consents && served) {
      if (session.stale !== undefined) changed = true;
      session.markFresh();
    }
    if (changed && served && session.stale === undefined && now - takenAt >= TAKE_EVERY_MS) {
      changed = false;
      takenAt = now;
      const state = relay.accepted();
      if (state !== undefined) session.accepted(state);
    }
    cancelLook = clock.after(upstream.connected ? LOOK_EVERY_MS : AWAY_EVERY_MS, look);
  }

  const cancelGrace = clock.after(graceMs, () => {
    const { usable } = session;
    if (receivedAt !== Number.NEGATIVE_INFINITY || session.stale !== undefined || usable === undefined)
      return;
    const { reason, connected, since } = relay.status.upstream;
    if (connected) restoredOn = since;
    session.markStale(reason || 'it gives no configuration');
    relay.restore(usable.state);
  });
  cancelLook = clock.after(LOOK_EVERY_MS, look);
  return {
    onEvent({ event }) {
      if (event === 'received') receivedAt = clock.monotonic();
      if (event === 'accepted' || event === 'live') changed = true;
    },
    stop() {
      cancelLook();
      cancelGrace();
    },
  };
}
