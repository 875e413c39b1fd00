/** What happens in the relay, for those who log, persist and supervise. */
export type RelayEvent =
  /** An Envoy has its listeners; from now on its word counts. */
  | { readonly event: 'live'; readonly epoch: number }
  /** The serving Envoy accepted something: the known good configuration may have changed. */
  | { readonly event: 'accepted'; readonly typeUrl: string }
  /** An Envoy refused something, with its own words. */
  | {
      readonly event: 'refused';
      readonly typeUrl: string;
      readonly epoch: number;
      readonly message: string;
    }
  /** The control plane sent something of this type; `changed`: and it is something else than before. */
  | { readonly event: 'received'; readonly typeUrl: string; readonly changed: boolean };
