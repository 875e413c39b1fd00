import type { FastifyInstance } from 'fastify';
import { resourceTypes } from '../../../model/registry.ts';
import type { ResourceType } from '../../../model/resource.ts';
import type { ApiOptions } from '../api-options.ts';
import type { Answer } from '../problem.ts';
import { servePath } from '../router.ts';

/** Pages that tell what this control plane is and knows. `/` is what kumactl asks to see whether it talks to Kuma. */
export function serveIndex(app: FastifyInstance, { config, identity, access }: ApiOptions): void {
  const { hostname, version, instanceId, clusterId } = identity;
  const index = { hostname, tagline: 'Kuma', product: 'Kuma', version, instanceId, clusterId, gui: '/gui' };
  const readOnly = (type: ResourceType) => type.readOnly || access.readOnly;
  servePath(app, '/', { GET: () => ok(index) });
  servePath(app, '/config', { GET: () => ok(config) });
  servePath(app, '/who-am-i', { GET: ({ user }) => ok({ name: user.name, groups: user.groups }) });
  servePath(app, '/policies', {
    GET: () =>
      ok({
        policies: resourceTypes
          .filter((type) => type.isPolicy)
          .map((type) => policyEntry(type, readOnly(type))),
      }),
  });
  servePath(app, '/_resources', {
    GET: () => ok({ resources: resourceTypes.map((type) => typeEntry(type, readOnly(type))) }),
  });
}

function policyEntry(type: ResourceType, readOnly: boolean): object {
  return {
    name: type.name,
    readOnly,
    path: type.plural,
    singularDisplayName: type.display?.singular ?? type.name,
    pluralDisplayName: type.display?.plural ?? type.name,
    isExperimental: false,
    isTargetRefBased: type.shape === 'spec',
    isInbound: false,
    isOutbound: false,
  };
}

function typeEntry(type: ResourceType, readOnly: boolean): object {
  const isTargetRef = type.shape === 'spec';
  return {
    name: type.name,
    scope: type.scope === 'global' ? 'Global' : 'Mesh',
    path: type.plural,
    readOnly,
    shortName: type.shortName,
    singularDisplayName: type.display?.singular ?? type.name,
    pluralDisplayName: type.display?.plural ?? `${type.name}${type.name.endsWith('sh') ? 'es' : 's'}`,
    includeInFederation: type.isPolicy || type.scope === 'global',
    ...(type.isPolicy
      ? { policy: { isTargetRef, hasToTargetRef: false, hasFromTargetRef: false, hasRulesTargetRef: false } }
      : {}),
  };
}

function ok(body: unknown): Answer {
  return { status: 200, body };
}
