/** A resource as the control plane sent it; the agent never looks into it. */
export interface OpaqueResource {
  readonly typeUrl: string;
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Field numbers of Envoy's `Bootstrap.StaticResources`. */
const FIELD_OF: Readonly<Record<string, number>> = {
  'type.googleapis.com/envoy.config.listener.v3.Listener': 1,
  'type.googleapis.com/envoy.config.cluster.v3.Cluster': 2,
  'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret': 3,
};
const STATIC_RESOURCES = 2;

/** Whether a resource of this type can be a static one. */
export function isStatic({ typeUrl }: OpaqueResource): boolean {
  return FIELD_OF[typeUrl] !== undefined;
}

/**
 * A binary Bootstrap that holds nothing but the given resources, as static ones. An Envoy that validates it together
 * with the real bootstrap says what it would refuse of the state it is to be given. Types that cannot be static (routes,
 * endpoints) are left out.
 */
export function encodeStaticState(resources: readonly OpaqueResource[]): Uint8Array {
  const fields = resources.flatMap(({ typeUrl, bytes }) => {
    const field = FIELD_OF[typeUrl];
    return field === undefined ? [] : [encodeField(field, bytes)];
  });
  return encodeField(STATIC_RESOURCES, Buffer.concat(fields));
}

/** Protobuf's length-delimited form: tag, length, content. */
function encodeField(field: number, content: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([(field << 3) | 2, ...encodeVarint(content.length)]), content]);
}

function encodeVarint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return [...bytes, rest];
}
