import { describe, expect, test } from 'vitest';
import {
  destinationCluster,
  inboundListener,
  localCluster,
  outboundListener,
  statPrefix,
} from '../../../src/envoy/names.ts';

describe('names that people see in Envoy', () => {
  test('listeners tell direction, address and port', () => {
    expect(inboundListener('10.0.0.1', 8080)).toBe('inbound:10.0.0.1:8080');
    expect(outboundListener('127.0.0.1', 10504)).toBe('outbound:127.0.0.1:10504');
  });

  test('an IPv6 address stands in brackets, so that its port can be told from it', () => {
    expect(inboundListener('2001:db8::1', 80)).toBe('inbound:[2001:db8::1]:80');
  });

  test('the application is known by its port', () => {
    expect(localCluster(10000)).toBe('localhost:10000');
  });

  test('a whole service is its cluster, a subset has a hash of its tags behind it', () => {
    expect(destinationCluster('reviews', { 'kuma.io/service': 'reviews' })).toBe('reviews');
    expect(destinationCluster('reviews', { 'kuma.io/service': 'reviews', version: 'v1' })).toMatch(
      /^reviews-[0-9a-f]{16}$/,
    );
  });

  test('the order in which tags are written does not matter, each tag does', () => {
    const name = destinationCluster('a', { 'kuma.io/service': 'a', x: '1', y: '2' });
    expect(destinationCluster('a', { y: '2', x: '1', 'kuma.io/service': 'a' })).toBe(name);
    expect(destinationCluster('a', { 'kuma.io/service': 'a', x: '1', y: '3' })).not.toBe(name);
    expect(destinationCluster('a', { 'kuma.io/service': 'a', x: '12', y: '' })).not.toBe(name);
  });

  test('statistics are not split by a colon or dot of a name', () => {
    expect(statPrefix('localhost:80.x')).toBe('localhost_80_x');
  });
});
