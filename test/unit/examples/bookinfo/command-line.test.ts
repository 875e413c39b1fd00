import { describe, expect, test } from 'vitest';
import { parseCommand } from '../../../../examples/bookinfo/src/command-line.ts';
import { upstreamUrl } from '../../../../examples/bookinfo/src/environment.ts';

describe('the command line of bookinfo', () => {
  test('a version brings its settings, and variables that are set win', () => {
    expect(parseCommand(['reviews-v3', '--port', '10400'], {})).toEqual({
      service: 'reviews',
      port: 10400,
      bind: '127.0.0.1',
      env: { POD_NAME: 'reviews-v3', ENABLE_RATINGS: 'true', STAR_COLOR: 'red' },
    });
    expect(parseCommand(['reviews-v3'], { STAR_COLOR: 'black' }).env.STAR_COLOR).toBe('black');
    expect(parseCommand(['reviews-v1'], {}).env.ENABLE_RATINGS).toBe('false');
  });

  test.each([
    [[''], 'the service must be one of ratings, details, reviews, productpage, got ""'],
    [['shop'], 'got "shop"'],
    [['reviews-v7'], 'reviews has versions v1, v2, v3, got "v7"'],
    [['ratings', 'details'], 'only one service can be started'],
    [['ratings', '--port', '70000'], '--port must be between 0 and 65535, got "70000"'],
    [['ratings', '--prot', '1'], "Unknown option '--prot'"],
  ])('%j is refused with a reason', (args, reason) => {
    expect(() => parseCommand(args, {})).toThrow(reason);
  });

  test('other services are found by either name of the port variable, with a domain when there is one', () => {
    expect(upstreamUrl({}, 'ratings')).toBe('http://ratings:9080');
    expect(upstreamUrl({ RATINGS_HOSTNAME: '10.0.0.1', RATINGS_PORT: '10202' }, 'ratings')).toBe(
      'http://10.0.0.1:10202',
    );
    expect(upstreamUrl({ RATINGS_SERVICE_PORT: '1', RATINGS_PORT: '2' }, 'ratings')).toBe('http://ratings:1');
    expect(upstreamUrl({ SERVICES_DOMAIN: 'mesh' }, 'details')).toBe('http://details.mesh:9080');
  });
});
