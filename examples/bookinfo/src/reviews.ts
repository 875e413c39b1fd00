import { Agent } from 'node:http';
import { type Environment, upstreamUrl, wholeNumber } from './environment.ts';
import { getJson } from './get-json.ts';
import { NOT_FOUND, type Request, type Service, text } from './http-server.ts';
import { propagatedHeaders } from './propagated-headers.ts';

const REVIEWS = [
  {
    reviewer: 'Reviewer1',
    text: 'An extremely entertaining play by Shakespeare. The slapstick humour is refreshing!',
  },
  {
    reviewer: 'Reviewer2',
    text: 'Absolutely fun and entertaining. The play lacks thematic depth when compared to other plays by Shakespeare.',
  },
];

const UNAVAILABLE = 'Ratings service is currently unavailable';

interface Identity {
  readonly podName: string;
  readonly clusterName: string;
}

/**
 * Two reviews, with stars from `ratings` when ENABLE_RATINGS is true. When these cannot be had the reviews come all
 * the same, each with an error in place of its stars. Nobody is called before a request asks for it: at start the
 * proxy beside this service may not be up yet.
 */
export function createReviews(env: Environment): Service {
  const identity = {
    podName: env.POD_NAME || env.HOSTNAME || 'null',
    clusterName: env.CLUSTER_NAME || 'null',
  };
  const withRatings = env.ENABLE_RATINGS === 'true';
  const color = env.STAR_COLOR || 'black';
  const ratings = upstreamUrl(env, 'ratings');
  // The impatient red version gives up long before the page does, the black one long after.
  const timeoutMs = wholeNumber(env, 'RATINGS_TIMEOUT_MS', color === 'black' ? 10_000 : 2_500);
  const agent = new Agent({ keepAlive: true });

  async function fetchStars(id: string, request: Request): Promise<Readonly<Record<string, unknown>>> {
    try {
      const headers = propagatedHeaders(request.headers, ['end-user']);
      const { status, body } = await getJson(`${ratings}/ratings/${id}`, { headers, timeoutMs, agent });
      const stars = status === 200 ? (body as { ratings?: unknown } | undefined)?.ratings : undefined;
      return typeof stars === 'object' && stars !== null ? { ...stars } : {};
    } catch (error) {
      console.error(`ratings of product ${id}: ${error instanceof Error ? error.message : String(error)}`);
      return {};
    }
  }

  return async (request) => {
    if (request.method !== 'GET') return NOT_FOUND;
    if (request.path === '/health') return text(200, '{"status": "Reviews is healthy"}', 'application/json');
    const id = /^\/reviews\/(-?\d{1,10})$/.exec(request.path)?.[1];
    if (id === undefined) return NOT_FOUND;
    const stars = withRatings ? await fetchStars(id, request) : undefined;
    return text(
      200,
      toText(id, identity, (reviewer) => describeRating(stars, reviewer, color)),
      'application/json',
    );
  };
}

function describeRating(
  stars: Readonly<Record<string, unknown>> | undefined,
  reviewer: string,
  color: string,
): string {
  if (stars === undefined) return '';
  const count = stars[reviewer];
  if (typeof count !== 'number') return `, "rating": {"error": ${JSON.stringify(UNAVAILABLE)}}`;
  return `, "rating": {"stars": ${count}, "color": ${JSON.stringify(color)}}`;
}

// Written out, because the spaces are part of what clients of this sample are used to.
function toText(
  id: string,
  { podName, clusterName }: Identity,
  rating: (reviewer: string) => string,
): string {
  const reviews = REVIEWS.map(
    (review) =>
      `{  "reviewer": ${JSON.stringify(review.reviewer)},  "text": ${JSON.stringify(review.text)}${rating(review.reviewer)}}`,
  );
  return `{"id": "${id}","podname": ${JSON.stringify(podName)},"clustername": ${JSON.stringify(clusterName)},"reviews": [${reviews.join(',')}]}`;
}
