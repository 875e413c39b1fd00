import { describe, expect, test } from 'vitest';
import { type ControlPlane, defaultConfig } from '../../../../src/cli/config/config.ts';
import {
  addControlPlane,
  findActive,
  removeControlPlane,
  switchControlPlane,
} from '../../../../src/cli/config/contexts.ts';

const at = (name: string, url = `http://${name}:5681`): ControlPlane => ({
  name,
  coordinates: { apiServer: { url } },
});
const two = addControlPlane(defaultConfig, at('prod'), false);

describe('the active control plane', () => {
  test('is the local one at first and the added one after that', () => {
    expect(findActive(defaultConfig).controlPlane.name).toBe('local');
    expect(findActive(two).controlPlane.coordinates.apiServer.url).toBe('http://prod:5681');
  });

  test('may be another for one command', () => {
    expect(findActive(two, 'local').controlPlane.name).toBe('local');
  });

  test('that is not there is told with those that are', () => {
    expect(() => findActive(two, 'nope')).toThrow('there is no context with name "nope"; known: local, prod');
    expect(() => findActive({ ...two, currentContext: '' })).toThrow('no control plane is active');
    expect(() => findActive({ ...two, controlPlanes: [] })).toThrow(
      'names the control plane "prod", which is not in the configuration',
    );
  });

  test('changes with switch, which needs a known name', () => {
    expect(findActive(switchControlPlane(two, 'local')).controlPlane.name).toBe('local');
    expect(() => switchControlPlane(two, 'nope')).toThrow('there is no Control Plane with name "nope"');
  });
});

describe('adding a control plane', () => {
  test('of a name that exists is refused', () => {
    expect(() => addControlPlane(two, at('prod'), false)).toThrow(
      'Control Plane with name "prod" already exists',
    );
  });

  test('with overwrite replaces it and keeps the defaults of its context', () => {
    const config = { ...two, contexts: two.contexts.map((c) => ({ ...c, defaults: { mesh: 'bookinfo' } })) };
    const changed = addControlPlane(config, at('prod', 'https://new:5682'), true);
    expect(changed.controlPlanes.map((cp) => cp.coordinates.apiServer.url)).toEqual([
      'http://localhost:5681',
      'https://new:5682',
    ]);
    expect(findActive(changed).context.defaults).toEqual({ mesh: 'bookinfo' });
  });
});

describe('removing a control plane', () => {
  test('that is active switches to one that is left', () => {
    expect(removeControlPlane(two, 'prod')).toEqual(defaultConfig);
  });

  test('that is not active leaves the active one', () => {
    expect(findActive(removeControlPlane(two, 'local')).controlPlane.name).toBe('prod');
  });

  test('that is the last leaves none active', () => {
    expect(removeControlPlane(defaultConfig, 'local').currentContext).toBe('');
  });
});
