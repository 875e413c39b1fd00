import type { AdminPlace } from './admin-place.ts';
import type { AgentError } from './agent-error.ts';
import type { EnvoyProcess } from './envoy/process.ts';
import type { EnvoyPlan } from './plan.ts';
import type { Readiness } from './readiness/latches.ts';
import type { Monitor } from './readiness/monitor.ts';
import type { KeptEnvoy } from './run-dir/kept.ts';

/** A start of Envoy: what, and as which epoch. */
export interface EnvoyStart {
  readonly plan: EnvoyPlan;
  readonly epoch: number;
  /** The epoch before may be gone. */
  readonly mayLackParent: boolean;
}

export interface RunningEnvoy extends EnvoyProcess {
  readonly epoch: number;
  readonly plan: EnvoyPlan;
  readonly place: AdminPlace;
  /** Its last log lines. */
  tail(): readonly string[];
  /** Text of its newest refusal, for people; '' when none is known. */
  lastRefusal(): string;
  watch(onChange: (readiness: Readiness) => void): Monitor;
}

/** What the supervisor does to Envoys, without knowing how. */
export interface EnvoyControl {
  /** Looks at everything that would make a start fail; the reason, or undefined. Quick for a plan that passed before. */
  check(plan: EnvoyPlan, signal: AbortSignal): Promise<AgentError | undefined>;
  /** The same for a start beside a running Envoy, with the xDS state it will be given. */
  checkHandOver(start: EnvoyStart, signal: AbortSignal): Promise<AgentError | undefined>;
  start(start: EnvoyStart): RunningEnvoy;
  /** Takes up an Envoy that an agent before this one started. */
  adopt(envoy: KeptEnvoy, plan: EnvoyPlan): RunningEnvoy;
  /** Lets go of Envoys that outlive the agent. */
  forget(): void;
  /** To be called once an Envoy serves. */
  settle(envoy: RunningEnvoy): Promise<void>;
  /** Whether its admin interface can be reached. */
  answers(envoy: RunningEnvoy): Promise<boolean>;
  /** All that live, oldest first. */
  running(): readonly RunningEnvoy[];
  /** Announces the leave to the control plane. */
  leave(): Promise<void>;
  /** Lets connections end. */
  drain(envoy: RunningEnvoy, hurry: AbortSignal): Promise<void>;
}

/** An Envoy that serves, or is about to. */
export interface Serving {
  readonly envoy: RunningEnvoy;
  readonly monitor: Monitor;
  readonly startedAt: number;
  /** Monotonic; undefined until it had everything once. */
  readyAt: number | undefined;
  /** A failed child took the admin interface along: nothing can be asked of this Envoy any more. */
  adminLost: boolean;
}
