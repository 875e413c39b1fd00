import { DATAPLANE_RESOURCE } from '../../bootstrap/contract.ts';
import { isJsonObject, type JsonObject } from '../../lib/json.ts';

/**
 * The bootstrap without the Dataplane that the agent brought, which the control plane put into the node's metadata. The
 * relay tells it upward, so that another Dataplane alone is no reason to touch Envoy.
 */
export function withoutDataplane(bootstrap: JsonObject): JsonObject {
  return changeMetadata(bootstrap, ({ [DATAPLANE_RESOURCE]: _resource, ...rest }) => rest);
}

/** The bootstrap with the Dataplane of now, for an Envoy that talks to the control plane itself. */
export function withDataplane(bootstrap: JsonObject, resource: string): JsonObject {
  return changeMetadata(bootstrap, (metadata) => ({ ...metadata, [DATAPLANE_RESOURCE]: resource }));
}

function changeMetadata(bootstrap: JsonObject, change: (metadata: JsonObject) => JsonObject): JsonObject {
  const { node } = bootstrap;
  const metadata = isJsonObject(node) ? node.metadata : undefined;
  if (!isJsonObject(node) || !isJsonObject(metadata)) return bootstrap;
  return { ...bootstrap, node: { ...node, metadata: change(metadata) } };
}
