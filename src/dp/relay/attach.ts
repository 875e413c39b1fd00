import type { Clock } from '../../lib/clock.ts';
import type { JsonObject } from '../../lib/json.ts';
import type { Logger } from '../../lib/logger.ts';
import { messageOf } from './codec/any.ts';
import { overlayRelay } from './overlay.ts';
import { type Relay, type RelayOptions, startRelay } from './relay.ts';
import { parseRelayTarget, type TargetOptions } from './target.ts';

/** The relay as the agent uses it; without one everything passes through unchanged. */
export interface AttachedRelay {
  /** Undefined when Envoy talks to the control plane itself. */
  readonly relay: Relay | undefined;
  /** The bootstrap for the next Envoy. It counts as newer than all Envoys before it. */
  finish(bootstrap: JsonObject): JsonObject;
  /** What the serving Envoy accepted: messages without their Any. */
  accepted(): readonly { readonly typeUrl: string; readonly name: string; readonly bytes: Uint8Array }[];
  close(): Promise<void>;
}

export interface AttachOptions extends Omit<RelayOptions, 'target'> {
  readonly enabled: boolean;
  /** Text of `bootstrap-templates/overlays/relay.yaml`. */
  readonly template: string;
  readonly trust: TargetOptions;
  /** Of the first Envoy that is started: greater than those of Envoys that were adopted; 0 by default. */
  readonly firstEpoch?: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

const UNATTACHED: AttachedRelay = {
  relay: undefined,
  finish: (bootstrap) => bootstrap,
  accepted: () => [],
  close: async () => {},
};

/** Starts a relay for what a received bootstrap describes; none if it is not wanted or the bootstrap not understood. */
export async function attachRelay(received: JsonObject, options: AttachOptions): Promise<AttachedRelay> {
  const { enabled, template, trust, socketPath, logger } = options;
  if (!enabled) return UNATTACHED;
  const first = parseRelayTarget(received, trust);
  if (!first.ok) {
    logger.info({ reason: first.reason }, 'no xDS relay: Envoy uses the bootstrap as it came');
    return UNATTACHED;
  }
  const relay = await startRelay({ ...options, target: first.target });
  let number = options.firstEpoch ?? 0;
  return {
    relay,
    finish(bootstrap) {
      const parsed = parseRelayTarget(bootstrap, trust);
      if (!parsed.ok) {
        logger.warn({ reason: parsed.reason }, 'this bootstrap does not go through the xDS relay');
        return bootstrap;
      }
      relay.retarget(parsed.target);
      return overlayRelay(bootstrap, { template, socketPath, epoch: number++, hds: parsed.target.hds });
    },
    accepted: () =>
      (relay.accepted()?.types ?? []).flatMap(({ typeUrl, resources }) =>
        resources.flatMap(({ name, any }) =>
          any === undefined ? [] : [{ typeUrl, name, bytes: messageOf(any) }],
        ),
      ),
    close: () => relay.close(),
  };
}
