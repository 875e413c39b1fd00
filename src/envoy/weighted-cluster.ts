/** A share of the traffic of a listener or route. */
export interface WeightedCluster {
  readonly name: string;
  /** Whole, at least 1; shares are relative to the sum, which Envoy keeps in 32 bits. */
  readonly weight: number;
}
