/** A data plane proxy: its mesh and its Dataplane's name. */
export interface ProxyId {
  readonly mesh: string;
  readonly name: string;
}

/** xDS node id of a proxy. The mesh's name has no dot, so the first dot divides. */
export function toNodeId({ mesh, name }: ProxyId): string {
  return `${mesh}.${name}`;
}

/** undefined when the text cannot be a node id; ingress and egress have an empty mesh and are not served. */
export function parseNodeId(nodeId: string): ProxyId | undefined {
  const dot = nodeId.indexOf('.');
  if (dot <= 0 || dot === nodeId.length - 1) return undefined;
  return { mesh: nodeId.slice(0, dot), name: nodeId.slice(dot + 1) };
}
