import { isJsonObject, type Json, type JsonObject } from '../../lib/json.ts';
import type { AcceptedState, KeptResource, KeptType } from './generation.ts';

/** Text that describes bytes, and the bytes in the order it speaks of them. */
export interface Contents {
  readonly index: Json;
  readonly chunks: readonly Uint8Array[];
}

const NO_BYTES = new Uint8Array(0);

export function toContents({ node, types }: AcceptedState): Contents {
  const chunks = [
    node ?? NO_BYTES,
    ...types.flatMap(({ resources }) => resources.flatMap(({ any, rest }) => [any ?? NO_BYTES, rest])),
  ];
  const index = {
    hasNode: node !== undefined,
    types: types.map(({ resources, ...type }) => ({
      ...type,
      resources: resources.map(({ name, version, upstreamVersion, any }) => ({
        name,
        version,
        upstreamVersion,
        hasContent: any !== undefined,
      })),
    })),
  };
  return { index, chunks };
}

/** Undefined when index and bytes do not belong together. */
export function fromContents({ index, chunks }: Contents): AcceptedState | undefined {
  if (!isJsonObject(index) || !Array.isArray(index.types)) return undefined;
  let at = 0;
  const next = () => chunks[at++] ?? NO_BYTES;
  const nodeBytes = next();
  const types: KeptType[] = [];
  for (const entry of index.types as readonly Json[]) {
    const type = toType(entry, next);
    if (type === undefined) return undefined;
    types.push(type);
  }
  if (at !== chunks.length) return undefined;
  return { node: index.hasNode === true ? nodeBytes : undefined, types };
}

function toType(entry: Json, next: () => Uint8Array): KeptType | undefined {
  if (!isJsonObject(entry) || !Array.isArray(entry.resources)) return undefined;
  const { typeUrl, version, upstreamSetVersion, complete } = entry;
  if (!areTexts(typeUrl, version, upstreamSetVersion)) return undefined;
  const resources: KeptResource[] = [];
  for (const each of entry.resources as readonly Json[]) {
    if (!isJsonObject(each)) return undefined;
    const resource = toResource(each, next);
    if (resource === undefined) return undefined;
    resources.push(resource);
  }
  return {
    typeUrl: String(typeUrl),
    version: String(version),
    upstreamSetVersion: String(upstreamSetVersion),
    complete: complete === true,
    resources,
  };
}

function toResource(each: JsonObject, next: () => Uint8Array): KeptResource | undefined {
  const { name, version, upstreamVersion, hasContent } = each;
  if (!areTexts(name, version, upstreamVersion)) return undefined;
  const any = next();
  const rest = next();
  return {
    name: String(name),
    version: String(version),
    upstreamVersion: String(upstreamVersion),
    any: hasContent === true ? any : undefined,
    rest,
  };
}

function areTexts(...values: readonly (Json | undefined)[]): boolean {
  return values.every((value) => typeof value === 'string');
}
