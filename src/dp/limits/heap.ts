const MEBIBYTE = 1024 * 1024;

/** The agent lives in the same control group. */
const AGENT_BYTES = 64 * MEBIBYTE;
/** What it needs for each further Envoy, measured at 1 MiB. */
const FURTHER_BYTES = 2 * MEBIBYTE;

/**
 * Heap one Envoy may use of a memory limit it shares with the agent and with further Envoys of that agent. At least half
 * of its share, so that a tiny limit makes Envoy refuse requests early and not at once.
 */
export function envoyHeapBytes(limitBytes: number, envoys = 1): number {
  const agent = AGENT_BYTES + (Math.max(envoys, 1) - 1) * FURTHER_BYTES;
  const forEnvoys = Math.max(limitBytes - agent, limitBytes / 2);
  return Math.floor(forEnvoys / Math.max(envoys, 1));
}

/** Descriptors for everything but connections: listeners, workers, logs, the admin interface, xDS. */
const OWN_FILES = 512;

/** Connections one Envoy may take: each wants a descriptor of its own and one towards the application or a peer. */
export function connectionLimit(fileLimit: number): number {
  return Math.max(256, Math.floor((fileLimit - OWN_FILES) / 2));
}
