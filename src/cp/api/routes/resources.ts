import type { FastifyInstance } from 'fastify';
import { toRest } from '../../../model/envelope.ts';
import { resourceTypes } from '../../../model/registry.ts';
import type { ResourceKey, ResourceType } from '../../../model/resource.ts';
import type { DeleteOutcome, PutOutcome, ResourceManager } from '../../resources/manager.ts';
import type { ResourceReader } from '../../resources/rules.ts';
import { absent, MESH_TITLE } from '../absent.ts';
import { parseBody } from '../body.ts';
import { answerList } from '../listing.ts';
import { type Answer, badRequest, invalidResource, methodNotAllowed, notFound, problem } from '../problem.ts';
import { type Call, type PathHandlers, servePath } from '../router.ts';

export interface ResourceSources {
  readonly manager: ResourceManager;
  /** What is shown; see `createLiveReader`. */
  readonly reader: ResourceReader;
}

/** The same paths for every type of the registry: one resource, all of a mesh, all there are. */
export function serveResources(app: FastifyInstance, sources: ResourceSources): void {
  for (const type of resourceTypes) {
    const all = `/${type.plural}`;
    const ofMesh = `/meshes/:mesh${all}`;
    const list: PathHandlers = {
      GET: (call) => answerList(sources.reader, { type, mesh: call.params.mesh, toItem: toRest }, call),
    };
    servePath(app, all, list);
    if (type.scope === 'mesh') servePath(app, ofMesh, list);
    servePath(app, `${type.scope === 'mesh' ? ofMesh : all}/:name`, oneHandlers(sources, type));
  }
}

function oneHandlers({ manager, reader }: ResourceSources, type: ResourceType): PathHandlers {
  const GET = async (call: Call) =>
    refuseFormat(call.url.searchParams) ?? toGetAnswer(reader, keyOf(type, call));
  if (type.readOnly) {
    const refuse = () =>
      methodNotAllowed(`a ${type.name} is written by the control plane only`, ['GET', 'HEAD']);
    return { GET, PUT: refuse, DELETE: refuse };
  }
  return {
    GET,
    PUT: async (call) => {
      const body = parseBody(call.body);
      if (body.kind === 'invalid') return badRequest(body.detail);
      const { mesh, name } = keyOf(type, call);
      const expected = { type: type.name, name, ...(type.scope === 'mesh' ? { mesh } : {}) };
      return toPutAnswer(await manager.put({ body: body.value, expected }));
    },
    DELETE: async (call) => {
      const key = keyOf(type, call);
      const outcome = await manager.delete(key);
      return outcome.kind === 'not-found'
        ? absent(reader, key, 'Could not delete a resource')
        : toDeleteAnswer(outcome);
    },
  };
}

function keyOf(type: ResourceType, { params }: Call): ResourceKey {
  return { type: type.name, mesh: params.mesh ?? '', name: params.name ?? '' };
}

async function toGetAnswer(reader: ResourceReader, key: ResourceKey): Promise<Answer> {
  const resource = await reader.get(key);
  if (resource === undefined) return absent(reader, key, 'Could not retrieve a resource');
  return { status: 200, body: toRest(resource) };
}

function toPutAnswer(outcome: PutOutcome): Answer {
  const title = 'Could not process a resource';
  switch (outcome.kind) {
    case 'created':
    case 'updated': {
      const body = outcome.warnings.length === 0 ? {} : { warnings: outcome.warnings };
      return { status: outcome.kind === 'created' ? 201 : 200, body };
    }
    case 'invalid':
      return invalidResource(title, outcome.violations);
    case 'not-found':
      return notFound(MESH_TITLE);
    case 'conflict':
      return conflict(title);
  }
}

function toDeleteAnswer(outcome: Exclude<DeleteOutcome, { kind: 'not-found' }>): Answer {
  const title = 'Could not delete a resource';
  switch (outcome.kind) {
    case 'deleted':
      return { status: 200, body: {} };
    case 'invalid':
      return invalidResource(title, outcome.violations);
    case 'conflict':
      return conflict(title);
  }
}

function conflict(title: string): Answer {
  return problem({
    status: 409,
    title,
    detail: 'the resource is being changed by others at the same time; try again',
  });
}

/** Only this dialect is spoken; what asks for the Kubernetes form of a resource learns that instead of guessing. */
function refuseFormat(query: URLSearchParams): Answer | undefined {
  const format = query.getAll('format').at(-1) ?? '';
  if (format === '' || format === 'universal') return undefined;
  const parameters = [{ field: 'format', reason: 'has to be universal', choices: ['universal'] }];
  return problem({
    status: 400,
    title: 'Could not retrieve a resource',
    detail: 'Invalid format',
    parameters,
  });
}
