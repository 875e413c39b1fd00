/** The `node` of a stream's first request, as far as a control plane needs it. */
export interface XdsNode {
  /** `<mesh>.<name>` */
  readonly id: string;
  readonly cluster: string;
  /** Node metadata as plain JSON. */
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly userAgentName: string;
  /** `1.40.0`, or '' when not told. */
  readonly envoyVersion: string;
}
