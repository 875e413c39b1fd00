import { describe, expect, test } from 'vitest';
import { observe, type Readiness, UNKNOWN_READINESS } from '../../../../src/dp/readiness/latches.ts';
import { CDS, type EnvoySample, LDS, parseSample, samplePath } from '../../../../src/dp/readiness/sample.ts';

const dynamic = { lds: true, cds: true };

function sample(lines: Record<string, number>, live = 'LIVE\n'): EnvoySample {
  const text = Object.entries({ 'listener_manager.workers_started': 1, ...lines }).map(
    ([k, v]) => `${k}: ${v}`,
  );
  return parseSample(live, `${text.join('\n')}\n`);
}

const COMPLETE = { [`${LDS}.update_success`]: 1, [`${CDS}.update_success`]: 1 };

function readinessAfter(...samples: EnvoySample[]): Readiness {
  return samples.reduce((readiness, next) => observe(readiness, next, dynamic), UNKNOWN_READINESS);
}

describe('before the latch', () => {
  test.each([
    ['nothing received', sample({}), ['its clusters', 'its listeners']],
    ['clusters only', sample({ [`${CDS}.update_success`]: 1 }), ['its listeners']],
    [
      'a cluster warms',
      sample({ ...COMPLETE, 'cluster_manager.warming_clusters': 2 }),
      ['2 clusters to warm'],
    ],
    [
      'a listener warms',
      sample({ ...COMPLETE, 'listener_manager.total_listeners_warming': 1 }),
      ['1 listeners to warm'],
    ],
    ['not live', sample(COMPLETE, 'INITIALIZING\n'), ['Envoy to be live (INITIALIZING)']],
    [
      'workers not started',
      sample({ ...COMPLETE, 'listener_manager.workers_started': 0 }),
      ['Envoy to start its workers'],
    ],
    [
      'listeners refused',
      sample({ ...COMPLETE, [`${LDS}.update_rejected`]: 1 }),
      ['a good update of what was refused: listeners'],
    ],
    [
      'an endpoint refused',
      sample({ ...COMPLETE, 'cluster.backend.update_rejected': 1 }),
      ['a good update of what was refused: cluster.backend'],
    ],
  ])('%s: not ready, and told', (_title, seen, waitingFor) => {
    expect(readinessAfter(seen)).toMatchObject({ latched: false, waitingFor });
  });

  test('a static bootstrap waits for nothing but Envoy itself', () => {
    expect(observe(UNKNOWN_READINESS, sample({}), { lds: false, cds: false }).latched).toBe(true);
  });

  test('everything received and active: ready', () => {
    expect(readinessAfter(sample({}), sample(COMPLETE))).toMatchObject({
      latched: true,
      waitingFor: [],
      refused: [],
    });
  });
});

describe('after the latch', () => {
  test('nothing makes it unready again: neither warming, nor draining, nor a refusal', () => {
    const later = sample(
      { ...COMPLETE, [`${LDS}.update_rejected`]: 1, 'cluster_manager.warming_clusters': 3 },
      'DRAINING\n',
    );
    expect(readinessAfter(sample(COMPLETE), later)).toMatchObject({ latched: true, refused: [LDS] });
  });

  test('a refusal lasts until the next accepted update of the same subscription', () => {
    const refused = { ...COMPLETE, [`${LDS}.update_rejected`]: 1 };
    const otherAccepted = { ...refused, [`${CDS}.update_success`]: 5 };
    const mended = { ...otherAccepted, [`${LDS}.update_success`]: 2 };
    expect(readinessAfter(sample(COMPLETE), sample(refused), sample(otherAccepted)).refused).toEqual([LDS]);
    expect(
      readinessAfter(sample(COMPLETE), sample(refused), sample(otherAccepted), sample(mended)).refused,
    ).toEqual([]);
  });

  test('when both happened between two looks the worse is assumed', () => {
    const both = { ...COMPLETE, [`${LDS}.update_success`]: 2, [`${LDS}.update_rejected`]: 1 };
    expect(readinessAfter(sample(COMPLETE), sample(both)).refused).toEqual([LDS]);
  });
});

test('names of subscriptions are quoted in the query, so that a dot is a dot', () => {
  const query = decodeURIComponent(samplePath(['cluster.a+b']));
  expect(query).toContain('|cluster\\.a\\+b)');
});
