import type { ResourceType } from './resource.ts';
import { dataplaneType } from './resources/dataplane.ts';
import { dataplaneInsightType } from './resources/dataplane-insight.ts';
import { meshType } from './resources/mesh.ts';
import { trafficRouteType } from './resources/traffic-route.ts';

/** Every resource type there is, sorted by name. A new type is one file under `resources/` and one line here. */
export const resourceTypes: readonly ResourceType[] = Object.freeze([
  dataplaneType,
  dataplaneInsightType,
  meshType,
  trafficRouteType,
]);

const byName = index((type) => [type.name]);
const byPlural = index((type) => [type.plural]);
const byWord = index((type) => [type.singular, type.plural, ...type.aliases]);

/** By the `type` of a document: `Dataplane`. */
export function findTypeByName(name: string): ResourceType | undefined {
  return byName.get(name);
}

/** By the path element of the REST API: `traffic-routes`. */
export function findTypeByPlural(plural: string): ResourceType | undefined {
  return byPlural.get(plural);
}

/** By any word kumactl takes: singular, plural or alias. */
export function findTypeByWord(word: string): ResourceType | undefined {
  return byWord.get(word);
}

// Two types with the same word are a mistake of ours; it shows at start, not at the one lookup that goes wrong.
function index(words: (type: ResourceType) => readonly string[]): ReadonlyMap<string, ResourceType> {
  const found = new Map<string, ResourceType>();
  for (const type of resourceTypes) {
    for (const word of new Set(words(type))) {
      const other = found.get(word);
      if (other !== undefined) throw new Error(`"${word}" names both ${other.name} and ${type.name}`);
      found.set(word, type);
    }
  }
  return found;
}
