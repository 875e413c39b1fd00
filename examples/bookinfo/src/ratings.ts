import { setTimeout as sleep } from 'node:timers/promises';
import { type Environment, wholeNumber } from './environment.ts';
import { json, NOT_FOUND, type Reply, type Request, type Service } from './http-server.ts';

type Stars = Readonly<Record<string, number>>;

export interface RatingsWorld {
  readonly now: () => number;
  /** In [0, 1). */
  readonly random: () => number;
}

const FLAVOURS = ['v1', 'v-faulty', 'v-delayed', 'v-unavailable', 'v-unhealthy'] as const;
type Flavour = (typeof FLAVOURS)[number];

const DEFAULT_STARS: Stars = { Reviewer1: 5, Reviewer2: 4 };

/**
 * Stars by product, kept in memory. SERVICE_VERSION chooses how it fails, for demonstrations: half of all answers an
 * error (v-faulty) or late (v-delayed), no answers every other minute (v-unavailable), sick every other quarter of an
 * hour (v-unhealthy).
 */
export function createRatings(
  env: Environment,
  world: RatingsWorld = { now: Date.now, random: Math.random },
): Service {
  const flavour = parseFlavour(env.SERVICE_VERSION || 'v1');
  const delayMs = wholeNumber(env, 'RATINGS_DELAY_MS', 7_000);
  const stored = new Map<number, Stars>();
  const start = world.now();
  const everyOther = (minutes: number) => Math.floor((world.now() - start) / (minutes * 60_000)) % 2 === 1;
  const down = () =>
    (flavour === 'v-faulty' && world.random() < 0.5) ||
    (flavour === 'v-unavailable' && everyOther(1)) ||
    (flavour === 'v-unhealthy' && everyOther(15));

  async function getStars(id: number): Promise<Reply> {
    if (flavour === 'v-delayed' && world.random() < 0.5) await sleep(delayMs);
    if (down()) return chunked(json(503, { error: 'Service unavailable' }));
    return chunked(json(200, { id, ratings: stored.get(id) ?? DEFAULT_STARS }));
  }

  async function putStars(id: number, request: Request): Promise<Reply> {
    const ratings = parseStars(await request.body());
    if (ratings === undefined) return chunked(json(400, { error: 'please provide valid ratings JSON' }));
    stored.set(id, ratings);
    return chunked(json(200, { id, ratings }));
  }

  return (request) => {
    if (request.path === '/health' && request.method === 'GET') {
      const sick = flavour === 'v-unhealthy' && everyOther(15);
      return chunked(json(sick ? 500 : 200, { status: `Ratings is ${sick ? 'not ' : ''}healthy` }));
    }
    const id = /^\/ratings\/([^/]+)$/.exec(request.path)?.[1];
    if (id === undefined || !['GET', 'POST'].includes(request.method)) return NOT_FOUND;
    if (!/^-?\d{1,15}$/.test(id)) return chunked(json(400, { error: 'please provide numeric product ID' }));
    return request.method === 'GET' ? getStars(Number(id)) : putStars(Number(id), request);
  };
}

function parseFlavour(text: string): Flavour {
  const found = FLAVOURS.find((flavour) => flavour === text);
  if (found !== undefined) return found;
  throw new Error(
    `SERVICE_VERSION must be one of ${FLAVOURS.join(', ')}, got "${text}" (databases are not part of this example)`,
  );
}

function parseStars(text: string): Stars | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    return Object.values(value).every((n) => typeof n === 'number') ? (value as Stars) : undefined;
  } catch {
    return undefined;
  }
}

function chunked(reply: Reply): Reply {
  return { ...reply, chunked: true };
}
