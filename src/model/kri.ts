import { findTypeByName } from './registry.ts';
import type { Resource } from './resource.ts';

/**
 * Kuma resource identifier: `kri_{short name}_{mesh}_{zone}_{namespace}_{name}_{section}`, for example
 * `kri_dp_bookinfo_default__r1_`. The namespace is a matter of Kubernetes and always empty here. Undefined for
 * types without a short name.
 */
export function formatKri(resource: Pick<Resource, 'key' | 'labels'>, section = ''): string | undefined {
  const { key, labels } = resource;
  const shortName = findTypeByName(key.type)?.shortName ?? '';
  if (shortName === '') return undefined;
  const name = labels['kuma.io/display-name'] ?? key.name;
  return ['kri', shortName, key.mesh, labels['kuma.io/zone'] ?? '', '', name, section].join('_');
}
