import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../../../src/cli/config/config.ts';

const server = (apiServer: unknown) => ({ controlPlanes: [{ name: 'a', coordinates: { apiServer } }] });

describe('a configuration', () => {
  test('keeps what this program does not know', () => {
    const config = {
      ...server({ url: 'http://a', future: 1 }),
      contexts: [{ name: 'a', controlPlane: 'a', x: 2 }],
      currentContext: 'a',
      y: 3,
    };
    expect(parseConfig(config, 'f')).toEqual(config);
  });

  test.each([null, undefined])('may be empty (%s)', (value) => {
    expect(parseConfig(value, 'f')).toEqual({ controlPlanes: [], contexts: [], currentContext: '' });
  });

  test('may leave its lists empty', () => {
    expect(parseConfig({ controlPlanes: null, contexts: null }, 'f')).toEqual({
      controlPlanes: [],
      contexts: [],
      currentContext: '',
    });
  });

  test.each([
    ['text', 'the document'],
    [{ controlPlanes: {} }, 'controlPlanes'],
    [{ controlPlanes: [1] }, 'controlPlanes'],
    [{ controlPlanes: [{ coordinates: {} }] }, 'controlPlanes[0].name'],
    [{ controlPlanes: [{ name: 'a' }] }, 'controlPlanes[0].coordinates.apiServer'],
    [server({}), 'controlPlanes[0].coordinates.apiServer.url'],
    [server({ url: 'x', caCertFile: 1 }), 'controlPlanes[0].coordinates.apiServer.caCertFile'],
    [server({ url: 'x', headers: [{ key: 'a' }] }), 'controlPlanes[0].coordinates.apiServer.headers'],
    [server({ url: 'x', authConf: { token: 1 } }), 'controlPlanes[0].coordinates.apiServer.authConf'],
    [server({ url: 'x', skipVerify: 'yes' }), 'controlPlanes[0].coordinates.apiServer.skipVerify'],
    [{ contexts: [{ name: 'a' }] }, 'contexts[0].controlPlane'],
    [{ contexts: [{ name: 'a', controlPlane: 'a', defaults: { mesh: 1 } }] }, 'contexts[0].defaults.mesh'],
    [{ currentContext: 1 }, 'currentContext'],
  ])('with a wrong field names it (%#)', (value, field) => {
    expect(() => parseConfig(value, '/home/x/config')).toThrow(
      `configuration file /home/x/config: ${field} must be`,
    );
  });
});
