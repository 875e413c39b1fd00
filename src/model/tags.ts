/** Tags of an inbound, an endpoint or a destination. */
export type Tags = Readonly<Record<string, string>>;

export const SERVICE_TAG = 'kuma.io/service';
export const PROTOCOL_TAG = 'kuma.io/protocol';
export const ZONE_TAG = 'kuma.io/zone';

/** One side of a connection policy: every tag must be equal, `*` wants the tag present. Empty matches all. */
export interface Selector {
  readonly match: Tags;
}
