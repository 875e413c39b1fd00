import type { Resource, ResourceKey } from '../../model/resource.ts';
import type { ResourceReader } from '../resources/rules.ts';
import type { ListQuery } from '../store/store.ts';
import type { ApiOptions } from './api-options.ts';

const INSIGHT = 'DataplaneInsight';

/**
 * Reads as callers of the API see things: a DataplaneInsight is what this process knows of the proxy's streams right
 * now, and what the store has where another control plane holds them. Insights are stored seconds late.
 */
export function createLiveReader({
  manager,
  insights,
}: Pick<ApiOptions, 'manager' | 'insights'>): ResourceReader {
  const toLive = (dataplane: Resource, stored: Resource | undefined): readonly Resource[] => {
    const { mesh, name } = dataplane.key;
    const spec = insights.get(mesh, name);
    if (spec === undefined) return stored === undefined ? [] : [stored];
    const base = stored ?? { ...dataplane, key: { type: INSIGHT, mesh, name }, labels: {}, revision: 0 };
    return [{ ...base, spec }];
  };
  const getInsight = async (key: ResourceKey) => {
    const dataplane = await manager.get({ ...key, type: 'Dataplane' });
    return dataplane === undefined ? undefined : toLive(dataplane, await manager.get(key))[0];
  };
  const listInsights = async (query: ListQuery) => {
    const stored = new Map((await manager.list(query)).map((insight) => [id(insight), insight]));
    const dataplanes = await manager.list({ ...query, type: 'Dataplane' });
    return dataplanes.flatMap((dataplane) => toLive(dataplane, stored.get(id(dataplane))));
  };
  return {
    get: (key) => (key.type === INSIGHT ? getInsight(key) : manager.get(key)),
    list: (query) => (query.type === INSIGHT ? listInsights(query) : manager.list(query)),
  };
}

function id({ key }: Resource): string {
  return `${key.mesh}/${key.name}`;
}
