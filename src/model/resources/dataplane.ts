import type { JsonObject } from '../../lib/json.ts';
import { defineType } from '../define-type.ts';
import { translateDataplane } from '../dialect/dataplane.ts';
import { checkDataplane } from './dataplane-rules.ts';
import { dataplaneFields } from './dataplane-shape.ts';
import type { DataplaneSpec } from './dataplane-spec.ts';

export const dataplaneType = defineType<DataplaneSpec>({
  name: 'Dataplane',
  scope: 'mesh',
  plural: 'dataplanes',
  singular: 'dataplane',
  aliases: ['dp'],
  shortName: 'dp',
  fields: dataplaneFields,
  check: checkDataplane,
  translate: translateDataplane,
  toJson,
});

// Everything optional is absent already; only the tag map is always there inside.
function toJson(spec: DataplaneSpec): JsonObject {
  const { inbound } = spec.networking;
  if (!inbound?.some(({ tags }) => Object.keys(tags).length === 0)) return spec as unknown as JsonObject;
  const bare = inbound.map(({ tags, ...rest }) =>
    Object.keys(tags).length === 0 ? rest : { ...rest, tags },
  );
  return { ...spec, networking: { ...spec.networking, inbound: bare } } as unknown as JsonObject;
}
