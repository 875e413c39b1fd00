/**
 * Tells the death of some hosts from a fault of this control plane. Many streams that break together on several
 * addresses point at us (or at the network before us), and then the endpoints are kept.
 */
export interface MassLossRule {
  /** Proxies lost within `windowMs`, at least. */
  readonly minProxies: number;
  /** Distinct addresses among them, at least: one dead host with many proxies is a dead host. */
  readonly minAddresses: number;
  /** Share of all that were connected before, at least. */
  readonly minShare: number;
  readonly windowMs: number;
}

export const DEFAULT_MASS_LOSS_RULE: MassLossRule = {
  minProxies: 5,
  minAddresses: 2,
  minShare: 0.3,
  windowMs: 10_000,
};

export interface Loss {
  readonly address: string;
  /** Monotonic ms. */
  readonly at: number;
}

/** `losses`: proxies lost and not back; `connected`: those connected now. */
export function isMassLoss(
  losses: readonly Loss[],
  connected: number,
  now: number,
  rule: MassLossRule,
): boolean {
  const recent = losses.filter((l) => now - l.at <= rule.windowMs);
  return (
    recent.length >= rule.minProxies &&
    new Set(recent.map((l) => l.address)).size >= rule.minAddresses &&
    recent.length >= rule.minShare * (connected + recent.length)
  );
}
