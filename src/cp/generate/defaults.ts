/**
 * What proxies do while no policy says otherwise. Timeouts are those that Kuma's initial policies set, inbound longer
 * than outbound so that the caller gives up first; requests have no time limit of their own (Envoy's would be 15 s).
 * Nothing is retried.
 */
export const OUTBOUND = { connectTimeoutMs: 5_000, idleTimeoutMs: 3_600_000, streamIdleTimeoutMs: 1_800_000 };
export const INBOUND = { connectTimeoutMs: 10_000, idleTimeoutMs: 7_200_000, streamIdleTimeoutMs: 3_600_000 };
