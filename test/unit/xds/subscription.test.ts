import { describe, expect, test } from 'vitest';
import { CLUSTER, ENDPOINT } from '../../../src/envoy/type-urls.ts';
import { type Subscription, subscribeDelta, subscribeSotw } from '../../../src/xds/subscription.ts';

/** Short text of a subscription: `*` for the wildcard, then names. */
const show = (s: Subscription): string => [...(s.wildcard ? ['*'] : []), ...s.names].join(' ');

describe('SotW, one request after the other', () => {
  const dialogues: readonly [string, string, readonly [string[], string][]][] = [
    [
      'no names mean everything until a name is given, then nothing',
      CLUSTER,
      [
        [[], '*'],
        [[], '*'],
        [['a'], 'a'],
        [[], ''],
      ],
    ],
    [
      'a star is everything beside names, and ends when it is left out',
      CLUSTER,
      [
        [['*', 'a'], '* a'],
        [['*'], '*'],
        [['a'], 'a'],
        [[], ''],
      ],
    ],
    [
      'a first name ends the legacy wildcard for good',
      CLUSTER,
      [
        [['a'], 'a'],
        [[], ''],
      ],
    ],
    [
      'no names of a type without wildcard mean nothing',
      ENDPOINT,
      [
        [[], ''],
        [['a'], 'a'],
        [[], ''],
      ],
    ],
  ];
  test.each(dialogues)('%s', (_title, typeUrl, steps) => {
    let subscription: Subscription | undefined;
    for (const [names, expected] of steps) {
      subscription = subscribeSotw(subscription, typeUrl, names).subscription;
      expect(show(subscription)).toBe(expected);
    }
  });

  test('a request tells which names are new and which are gone', () => {
    const first = subscribeSotw(undefined, ENDPOINT, ['a', 'b']);
    expect(first.asked).toEqual(['a', 'b']);
    const second = subscribeSotw(first.subscription, ENDPOINT, ['b', 'c']);
    expect([second.asked, second.dropped]).toEqual([['c'], ['a']]);
  });
});

describe('delta, one request after the other', () => {
  const dialogues: readonly [string, string, readonly [string[], string[], string][]][] = [
    [
      'no names at first mean everything, and names add to it',
      CLUSTER,
      [
        [[], [], '*'],
        [['a'], [], '* a'],
        [[], ['a'], '*'],
        [[], ['*'], ''],
      ],
    ],
    [
      'a first name is no wildcard, and an empty request later neither',
      CLUSTER,
      [
        [['a'], [], 'a'],
        [[], [], 'a'],
      ],
    ],
    [
      'a star can be added and given up',
      CLUSTER,
      [
        [['*'], [], '*'],
        [['b'], ['*'], 'b'],
        [['*'], [], '* b'],
      ],
    ],
    [
      'no names of a type without wildcard mean nothing',
      ENDPOINT,
      [
        [[], [], ''],
        [['a'], [], 'a'],
        [[], ['a', 'b'], ''],
      ],
    ],
  ];
  test.each(dialogues)('%s', (_title, typeUrl, steps) => {
    let subscription: Subscription | undefined;
    for (const [subscribe, unsubscribe, expected] of steps) {
      subscription = subscribeDelta(subscription, typeUrl, { subscribe, unsubscribe }).subscription;
      expect(show(subscription)).toBe(expected);
    }
  });

  test('an acknowledgement keeps the very same set of names', () => {
    const first = subscribeDelta(undefined, ENDPOINT, { subscribe: ['a'], unsubscribe: [] });
    const ack = subscribeDelta(first.subscription, ENDPOINT, { subscribe: [], unsubscribe: [] });
    expect(ack.subscription.names).toBe(first.subscription.names);
    expect([ack.wildcardAsked, ack.asked, ack.dropped]).toEqual([false, [], []]);
  });
});
