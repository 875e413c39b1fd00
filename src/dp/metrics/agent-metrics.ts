import type { AgentState } from '../state/agent-state.ts';
import { type MetricFamily, type MetricSample, toPrometheusText } from './prometheus-text.ts';
import type { TransitionCounts } from './transitions.ts';

/** What the metrics of an agent are made of. Undefined where the agent cannot know it. */
export interface AgentFacts {
  readonly mesh: string;
  readonly name: string;
  readonly version: string;
  /** '' until one was found. */
  readonly envoyVersion: string;
  readonly state: AgentState['state'];
  /** Whether the readiness page says 200. */
  readonly ready: boolean;
  /** Serves the last known good configuration without the control plane's word for it. */
  readonly stale: boolean;
  /** Age of the served configuration's last confirmation in seconds. */
  readonly staleSeconds: number | undefined;
  /** Whether the stream to the control plane is open; undefined when Envoy holds it itself. */
  readonly connected: boolean | undefined;
  /** Refused responses by the relay's count; undefined without a relay. */
  readonly nacks: number | undefined;
  readonly epoch: number;
  /** Another Envoy was asked for and refused, and that stands. */
  readonly handOverRefused: boolean;
  /** Listeners whose port somebody else has; undefined where none can be held back. */
  readonly listenersHeldBack: number | undefined;
  readonly counts: TransitionCounts;
  /** Seconds since 1970. */
  readonly startedAt: number;
  readonly residentBytes: number;
}

const STATES: Readonly<Record<AgentState['state'], true>> = {
  locating: true,
  bootstrapping: true,
  validating: true,
  starting: true,
  ready: true,
  degraded: true,
  'handing-over': true,
  restarting: true,
  draining: true,
  stopped: true,
};

/** The page /metrics. Names and labels are documented in docs/running-on-vms.md and stay. */
export function renderAgentMetrics(facts: AgentFacts): string {
  return toPrometheusText(families(facts));
}

/** Of a proxy that has no agent which could tell more, but is to have one. */
export function renderDown(proxy: { readonly mesh: string; readonly name: string }): string {
  const { mesh, name } = proxy;
  return toPrometheusText([{ ...READY, type: 'gauge', samples: [{ labels: { mesh, name }, value: 0 }] }]);
}

const READY = {
  name: 'kuma_dp_ready',
  help: '1 while the proxy serves a whole configuration, however old.',
};

function families(facts: AgentFacts): readonly MetricFamily[] {
  const { mesh, name, version, envoyVersion, counts } = facts;
  const proxy = { mesh, name };
  const of = (value: number | boolean | undefined): readonly MetricSample[] =>
    value === undefined ? [] : [{ labels: proxy, value: Number(value) }];
  const gauge = (metric: string, help: string, value: number | boolean | undefined): MetricFamily => ({
    name: `kuma_dp_${metric}`,
    help,
    type: 'gauge',
    samples: of(value),
  });
  const counter = (metric: string, help: string, value: number): MetricFamily => ({
    name: `kuma_dp_${metric}_total`,
    help,
    type: 'counter',
    samples: of(value),
  });
  const { state } = facts;
  return [
    {
      name: 'kuma_dp_info',
      help: 'Versions of the agent and of its Envoy; always 1.',
      type: 'gauge',
      samples: [{ labels: { ...proxy, version, envoy_version: envoyVersion }, value: 1 }],
    },
    {
      name: 'kuma_dp_state',
      help: '1 for the state the agent is in, 0 for all others.',
      type: 'gauge',
      samples: Object.keys(STATES).map((known) => ({
        labels: { ...proxy, state: known },
        value: Number(known === state),
      })),
    },
    { ...READY, type: 'gauge', samples: of(facts.ready) },
    gauge('degraded', '1 while a part of the newest configuration is refused.', state === 'degraded'),
    gauge(
      'stale',
      '1 while the last known good configuration is served without the control plane.',
      facts.stale,
    ),
    gauge(
      'stale_seconds',
      'Time since the control plane confirmed the served configuration.',
      facts.staleSeconds,
    ),
    gauge('connected', '1 while the stream to the control plane is open.', facts.connected),
    counter('nacks', 'Updates of the control plane that Envoy refused.', facts.nacks ?? counts.refusals),
    counter('envoy_restarts', 'Starts of Envoy after an end nobody asked for.', counts.envoyRestarts),
    counter('hot_restarts', 'Envoys that took over from the one before.', counts.hotRestarts),
    counter(
      'hot_restarts_failed',
      'Envoys that did not, while the one before served on.',
      counts.hotRestartsFailed,
    ),
    gauge(
      'hand_over_refused',
      '1 while another Envoy that was asked for could not take over.',
      facts.handOverRefused,
    ),
    gauge(
      'listeners_held_back',
      'Listeners that Envoy is not given because somebody else has their port.',
      facts.listenersHeldBack,
    ),
    gauge('envoy_epoch', 'Restart epoch of the Envoy that serves.', facts.epoch),
    gauge('start_time_seconds', 'When the agent started, in seconds since 1970.', facts.startedAt),
    gauge('resident_memory_bytes', 'Resident memory of the agent, without Envoy.', facts.residentBytes),
  ];
}
