import type { FastifyInstance } from 'fastify';
import type { DataplaneInsightSpec } from '../../../model/insight.ts';
import { toOverview } from '../../../model/overview.ts';
import type { Resource } from '../../../model/resource.ts';
import { dataplaneType } from '../../../model/resources/dataplane.ts';
import type { DataplaneSpec } from '../../../model/resources/dataplane-spec.ts';
import type { ResourceReader } from '../../resources/rules.ts';
import { absent } from '../absent.ts';
import { answerList } from '../listing.ts';
import type { Answer } from '../problem.ts';
import { type Call, type PathHandlers, servePath } from '../router.ts';

/** Data plane proxies together with what is known of their streams: `_overview`, and the older `+insights`. */
export function serveOverviews(app: FastifyInstance, reader: ResourceReader): void {
  const list: PathHandlers = { GET: (call) => answerOverviews(reader, call) };
  const one: PathHandlers = { GET: (call) => answerOverview(reader, call) };
  for (const path of ['dataplanes/_overview', 'dataplanes+insights']) {
    servePath(app, `/${path}`, list);
    servePath(app, `/meshes/:mesh/${path}`, list);
  }
  servePath(app, '/meshes/:mesh/dataplanes/:name/_overview', one);
  servePath(app, '/meshes/:mesh/dataplanes+insights/:name', one);
}

async function answerOverviews(reader: ResourceReader, call: Call): Promise<Answer> {
  const mesh = call.params.mesh;
  const insights = await reader.list({ type: 'DataplaneInsight', ...(mesh === undefined ? {} : { mesh }) });
  const byProxy = new Map(
    insights.map((insight) => [proxyOf(insight), insight as Resource<DataplaneInsightSpec>]),
  );
  const toItem = (dataplane: Resource) =>
    toOverview(dataplane as Resource<DataplaneSpec>, byProxy.get(proxyOf(dataplane)));
  return answerList(reader, { type: dataplaneType, mesh, toItem }, call);
}

async function answerOverview(reader: ResourceReader, { params }: Call): Promise<Answer> {
  const key = { mesh: params.mesh ?? '', name: params.name ?? '' };
  const dataplane = await reader.get({ type: 'Dataplane', ...key });
  if (dataplane === undefined)
    return absent(reader, { type: 'Dataplane', ...key }, 'Could not retrieve a resource');
  const insight = await reader.get({ type: 'DataplaneInsight', ...key });
  const body = toOverview(
    dataplane as Resource<DataplaneSpec>,
    insight as Resource<DataplaneInsightSpec> | undefined,
  );
  // 2.14 leaves it out in lists and shows an empty one here.
  return { status: 200, body: { ...body, dataplaneInsight: body.dataplaneInsight ?? {} } };
}

function proxyOf({ key }: Resource): string {
  return `${key.mesh}/${key.name}`;
}
