import { LISTENER } from '../../envoy/type-urls.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { AgentState } from '../state/agent-state.ts';
import { PortGuard } from './port-guard.ts';
import { openSurroundings } from './surroundings.ts';

export interface PortWatchOptions {
  /** The private directory of the proxy. */
  readonly dir: string;
  readonly proxy: { readonly mesh: string; readonly name: string };
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The ports of one proxy as the agent sees them. */
export interface PortWatch {
  /** For the relay. */
  readonly gate: PortGuard;
  onState(state: AgentState): void;
  onRelayEvent(event: { readonly event: string; readonly typeUrl?: string }): void;
  /** What keeps the proxy from being ready for the first time; nothing later on. */
  missing(): readonly string[];
  /** Why what is served is not what the control plane sent; '' when it is. */
  degradation(): string;
  /** After the last Envoy ended. */
  stop(): void;
}

const MOST_TOLD = 3;

export function watchPorts({ dir, proxy, clock, logger }: PortWatchOptions): PortWatch {
  const surroundings = openSurroundings({ dir, ...proxy, logger });
  const gate = new PortGuard({ surroundings, clock, logger });
  let wasReady = false;
  return {
    gate,
    onState({ state }) {
      if (state === 'ready' || state === 'degraded') wasReady = true;
    },
    onRelayEvent({ event, typeUrl }) {
      if (typeUrl === LISTENER && (event === 'accepted' || event === 'refused')) gate.opened();
    },
    missing: () => (wasReady ? [] : gate.missing),
    degradation() {
      const { obstacles } = gate;
      const told = obstacles.slice(0, MOST_TOLD).join('; ');
      const rest = obstacles.length - MOST_TOLD;
      return rest > 0 ? `${told}; and ${rest} more` : told;
    },
    stop: () => gate.stop(),
  };
}
