import { ENDPOINT, SECRET } from '../envoy/type-urls.ts';
import { type AcceptedState, generationOf } from './known-good/generation.ts';
import type { GoodGeneration } from './known-good/known-good.ts';
import type { Crash } from './state/crash-history.ts';

/** Puts the last good configuration in the place of one that Envoy crashes on. */
export interface FallBack {
  /** The second crash in a row: what was done about the configuration, for people; undefined when it is not the cause. */
  afterCrash(crash: Crash): string | undefined;
  /** Where Envoy talks to the control plane itself nothing can be held back: undefined. */
  attach(relay: PinnableRelay | undefined): void;
  onRelayEvent(event: {
    readonly event: string;
    readonly typeUrl?: string;
    readonly changed?: boolean;
  }): void;
  /** Why what is served is not what the control plane sent; '' when it is. */
  readonly reason: string;
}

/** The part of the relay that is used. */
export interface PinnableRelay {
  readonly status: { readonly unanswered: number };
  accepted(): AcceptedState | undefined;
  pin(state: AcceptedState, reason: string): void;
  unpin(): void;
}

/**
 * Only a configuration that differs from the good one is suspected. It is held back, and the control plane is told with
 * the last words of Envoy, until something else comes from there: after a lost stream it may come once more as it was. Endpoints and certificates change all the time and
 * are no reason to try again. `good` is the newest configuration that proved itself.
 */
export function createFallBack(good: () => GoodGeneration | undefined): FallBack {
  let reason = '';
  let relay: PinnableRelay | undefined;
  return {
    get reason() {
      return reason;
    },
    attach(attached) {
      relay = attached;
    },
    afterCrash(crash) {
      const to = good();
      if (to === undefined || relay === undefined || reason !== '') return undefined;
      const accepted = relay.accepted();
      const differs = accepted !== undefined && generationOf(accepted) !== to.generation;
      if (!differs && relay.status.unanswered === 0) return undefined;
      reason = `the newest configuration made Envoy crash: ${describeCrash(crash)}`;
      relay.pin(to.state, reason);
      return `${reason}; the one before is served until the control plane sends another`;
    },
    onRelayEvent({ event, typeUrl, changed }) {
      if (
        event !== 'received' ||
        changed !== true ||
        reason === '' ||
        typeUrl === ENDPOINT ||
        typeUrl === SECRET
      )
        return;
      reason = '';
      // After the relay is done with what it received.
      queueMicrotask(() => relay?.unpin());
    },
  };
}

/** Exit reason and the last line of the log, which often names the culprit. */
export function describeCrash({ reason, tail }: Crash): string {
  const line = tail.findLast((text) => /\[(critical|error)\]|assert|panic/i.test(text)) ?? tail.at(-1) ?? '';
  return line === '' ? reason : `${reason}: ${line.slice(0, 500)}`;
}
