import { describe, expect, test } from 'vitest';
import { type ConfigSources, loadControlPlaneConfig } from '../../../../src/cp/config/load.ts';

const around = { home: '/home/op', cwd: '/srv' };

function load(text?: string, env: Record<string, string> = {}, more: Partial<ConfigSources> = {}) {
  const readFile = () => text ?? '';
  return loadControlPlaneConfig({
    argvConfigPath: text === undefined ? undefined : 'cp.conf',
    env,
    readFile,
    around,
    ...more,
  });
}

/** The configuration; fails the test when there is none. */
function configOf(text?: string, env: Record<string, string> = {}) {
  const { config, violations } = load(text, env);
  expect(violations).toEqual([]);
  if (config === undefined) throw new Error('no configuration');
  return config;
}

const problems = (text?: string, env: Record<string, string> = {}): string[] =>
  load(text, env).violations.map(({ field, message }) => `${field}: ${message}`);

describe('without any configuration', () => {
  test('the control plane keeps its state in ~/.kuma/kuma.db and makes the mesh default', () => {
    const config = configOf();
    expect(config.store).toEqual({ type: 'sqlite', path: '/home/op/.kuma/kuma.db' });
    expect(config.workDir).toBe('/home/op/.kuma');
    expect(config.defaultMesh).toEqual({ create: true, document: undefined });
    expect(config.tls).toBeUndefined();
  });

  test('every port listens on loopback only', () => {
    const { api, bootstrap, dpServer, diagnostics } = configOf();
    expect(
      [dpServer, diagnostics, api.http, api.https, bootstrap].map((l) => `${l.interface}:${l.port}`),
    ).toEqual(['127.0.0.1:5678', '127.0.0.1:5680', '127.0.0.1:5681', '127.0.0.1:5682', '127.0.0.1:5682']);
  });

  test('a lost proxy has 3 s to return, a lease of 60 s, or of 10 min with a kept Envoy', () => {
    expect(configOf().lifecycle).toEqual({
      leaseMs: 60_000,
      leaseWithKeptEnvoyMs: 600_000,
      graceAfterStreamLossMs: 3000,
      cleanupAgeMs: 72 * 3_600_000,
    });
  });

  test('the configuration is frozen all the way down', () => {
    const config = configOf();
    expect(Object.isFrozen(config) && Object.isFrozen(config.api.http)).toBe(true);
  });
});

describe('both dialects', () => {
  test('keys of 0.1 are understood', () => {
    const config = configOf(`
environment: universal
store: {type: memory}
apiServer: {port: 1001, readOnly: true}
bootstrapServer: {port: 1002, params: {adminPort: 9901, xdsHost: cp.example, xdsPort: 1003}}
xdsServer: {grpcPort: 1003, diagnosticsPort: 1004}
defaults:
  mesh: |
    type: Mesh
    name: default
    mtls: {enabled: false}
`);
    expect(config.store).toEqual({ type: 'memory' });
    expect([
      config.api.http.port,
      config.bootstrap.port,
      config.dpServer.port,
      config.diagnostics.port,
    ]).toEqual([1001, 1002, 1003, 1004]);
    expect(config.api.readOnly).toBe(true);
    expect(config.bootstrap).toMatchObject({ adminPort: 9901, xdsHost: 'cp.example', xdsPort: 1003 });
    expect(config.defaultMesh.document).toEqual({ type: 'Mesh', name: 'default', mtls: { enabled: false } });
  });

  test('keys of 2.14 are understood', () => {
    const config = configOf(`
mode: standalone
general: {workDir: state, tlsCertFile: ~/tls.crt, tlsKeyFile: /etc/tls.key}
apiServer:
  http: {enabled: false, interface: 0.0.0.0, port: 1001}
  https: {interface: '::1', port: 1002}
  authn: {localhostIsAdmin: false}
dpServer: {port: 1003}
diagnostics: {serverPort: 1004}
defaults: {skipMeshCreation: true}
multizone: {zone: {name: east}}
`);
    expect(config.workDir).toBe('/srv/state');
    expect(config.tls).toEqual({ certFile: '/home/op/tls.crt', keyFile: '/etc/tls.key' });
    expect(config.api.http).toEqual({ enabled: false, interface: '0.0.0.0', port: 1001 });
    expect(config.api.https).toEqual({ enabled: true, interface: '::1', port: 1002 });
    expect(config.api.localhostIsAdmin).toBe(false);
    expect([config.dpServer.port, config.diagnostics.port, config.zoneName]).toEqual([1003, 1004, 'east']);
    expect(config.defaultMesh.create).toBe(false);
  });

  test('variables of both are understood and win over the file, flags over both', () => {
    const file = 'apiServer: {http: {port: 1}}\nlog: {level: debug}\n';
    expect(configOf(file, { KUMA_API_SERVER_PORT: '2' }).api.http.port).toBe(2);
    expect(configOf(file, { KUMA_API_SERVER_HTTP_PORT: '3' }).api.http.port).toBe(3);
    expect(configOf(undefined, { KUMA_XDS_SERVER_GRPC_PORT: '4' }).dpServer.port).toBe(4);
    const { config } = load(file, { KUMA_LOG_LEVEL: 'warn' }, { flags: { logLevel: 'error' } });
    expect(config?.log.level).toBe('error');
  });

  test('a key said in both dialects with different values is an error', () => {
    expect(problems('apiServer:\n  port: 1\n  http:\n    port: 2\n')).toEqual([
      'cp.conf:2: apiServer.port: says otherwise than apiServer.http.port; set one of them',
    ]);
    expect(configOf('apiServer: {port: 2, http: {port: 2}}').api.http.port).toBe(2);
  });
});

describe('what follows from other settings', () => {
  test('general.bindAddress opens all ports that name no interface of their own', () => {
    const config = configOf('general: {bindAddress: 0.0.0.0}\ndiagnostics: {interface: localhost}\n');
    expect(
      [config.dpServer, config.api.http, config.api.https, config.bootstrap].map((l) => l.interface),
    ).toEqual(Array(4).fill('0.0.0.0'));
    expect(config.diagnostics.interface).toBe('127.0.0.1');
  });

  test.each([
    ['apiServer: {https: {port: 7000}}', 7000, 7000],
    ['bootstrapServer: {port: 7000}', 7000, 7000],
    ['bootstrapServer: {port: 7000}\napiServer: {https: {port: 7001}}', 7001, 7000],
  ])('the two kinds on 5682 stay one socket unless both are moved: %j', (text, https, bootstrap) => {
    const config = configOf(text);
    expect([config.api.https.port, config.bootstrap.port]).toEqual([https, bootstrap]);
  });

  test('the bootstrap listens where REST over TLS does', () => {
    expect(configOf('apiServer: {https: {interface: 10.0.0.1}}').bootstrap.interface).toBe('10.0.0.1');
  });
});

describe('refused with a reason', () => {
  test.each([
    ['mode: global', /mode: "global" is not available yet/],
    ['environment: kubernetes', /environment: "kubernetes" is not served; use universal/],
    ['store: {type: postgres}', /store.type: "postgres" is not available yet; use sqlite or memory/],
    ['store: {type: mysql}', /store.type: must be one of sqlite, memory, got "mysql"/],
    ['apiServer: {https: {requireClientCert: true}}', /client certificates are not checked/],
    ['dpServer: {authn: {dpProxy: {type: dpToken}}}', /no tokens are checked/],
    ['dpServer: {tlsCertFile: /x}', /all ports use one certificate; set general.tlsCertFile/],
    ['multizone: {zone: {globalAddress: grpcs://g}}', /one zone by itself/],
    ['general: {tlsCertFile: /x}', /cp.conf:1: general.tlsCertFile: needs general.tlsKeyFile beside it/],
    ['general: {bindAddress: everywhere}', /must be an IP address such as/],
    ['xdsServer: {admissionRate: 0}', /between 1 and 1000000/],
    [
      'dpServer: {lifecycle: {lease: 2s}}',
      /graceAfterStreamLoss: must be shorter than dpServer.lifecycle.lease/,
    ],
    [
      'apiServer: {http: {port: 5678}}',
      /cp.conf:1: apiServer.http.port: port 5678 is that of dpServer.port already/,
    ],
    [
      'diagnostics: {interface: 0.0.0.0, serverPort: 5681}',
      /port 5681 is that of cp.conf: diagnostics.serverPort already/,
    ],
    ['defaults: {mesh: "a: [b"}', /defaults.mesh: is not a mesh document: line 1: /],
    ['general: 5', /cp.conf:1: general: must hold further keys, not a value/],
    ['- a list', /must hold keys and values/],
  ])('%s', (text, message) => {
    const { config, violations } = load(text);
    expect(config).toBeUndefined();
    expect(violations).toHaveLength(1);
    expect(`${violations[0]?.field}: ${violations[0]?.message}`).toMatch(message);
  });

  test('what a full configuration file of 2.14 says about these by default is accepted', () => {
    configOf(
      'apiServer: {https: {requireClientCert: false, tlsCertFile: ""}, authn: {type: tokens}}\n' +
        'dpServer: {tlsCertFile: "", authn: {dpProxy: {type: ""}}}\nmultizone: {zone: {globalAddress: ""}}\n',
    );
  });

  test('all faults at once, with their lines', () => {
    expect(problems('mode: x\ndpServer:\n  port: -1\n', { KUMA_STORE_TYPE: 'y' })).toEqual([
      'cp.conf:1: mode: must be one of zone, standalone, got "x"',
      'KUMA_STORE_TYPE: must be one of sqlite, memory, got "y"',
      'cp.conf:3: dpServer.port: must be a port between 0 and 65535, got "-1"',
    ]);
  });

  test('broken YAML, with the line', () => {
    const [first] = problems('mode: zone\napiServer:\n  http: [1\nstore: {}\n');
    expect(first).toMatch(/^cp\.conf:[34]: /);
  });

  test('a key that is written twice', () => {
    expect(problems('mode: zone\nmode: zone\n')).toEqual(['cp.conf:2: Map keys must be unique']);
  });

  test('a file that is not there', () => {
    const readFile = () => {
      throw new Error("ENOENT: no such file or directory, open 'x.conf'");
    };
    const { config, violations } = loadControlPlaneConfig({
      argvConfigPath: 'x.conf',
      env: {},
      readFile,
      around,
    });
    expect(config).toBeUndefined();
    expect(violations).toEqual([
      { field: '', message: expect.stringContaining('failed to access configuration file "x.conf": ENOENT') },
    ]);
  });
});

describe('what has no effect is said and does not keep the control plane from starting', () => {
  test('keys of neither dialect, at every depth', () => {
    const { config, warnings } = load('apiServr: {port: 1}\napiServer:\n  http:\n    prot: 2\n');
    expect(config).toBeDefined();
    expect(warnings).toEqual([
      'cp.conf:1: apiServr: unknown key, ignored',
      'cp.conf:4: apiServer.http.prot: unknown key, ignored',
    ]);
  });

  test('keys this control plane has no use for, with the reason', () => {
    const { config, warnings } = load(
      'sdsServer: {grpcPort: 5677}\nxdsServer: {dataplaneConfigurationRefreshInterval: 1s}\ndnsServer: {domain: mesh}\n',
    );
    expect(config).toBeDefined();
    expect(warnings).toEqual([
      'cp.conf:1: sdsServer: has no effect: it is not needed: certificates are delivered over the xDS port',
      'cp.conf:2: xdsServer.dataplaneConfigurationRefreshInterval: has no effect: changes are event-driven: nothing is polled',
      'cp.conf:3: dnsServer: has no effect: this control plane does not have that part yet',
    ]);
  });

  test('variables of the control plane, but not those of the agent or of anybody else', () => {
    const env = {
      KUMA_API_SERVER_PROT: '1',
      KUMA_SDS_SERVER_GRPC_PORT: '5677',
      KUMA_DP_SERVER_PORT: '',
      KUMA_DATAPLANE_NAME: 'web',
      KUMA_CONTROL_PLANE_URL: 'http://x',
      PATH: '/bin',
    };
    expect(load(undefined, env).warnings).toEqual([
      'KUMA_API_SERVER_PROT: unknown variable, ignored',
      'KUMA_SDS_SERVER_GRPC_PORT: has no effect: it is not needed: certificates are delivered over the xDS port',
    ]);
  });
});

test('the effective configuration is shown under the keys of 2.14, with everything filled in', () => {
  const { described } = load('apiServer: {port: 1001}\ngeneral: {bindAddress: 0.0.0.0}\n');
  expect(described).toMatchObject({
    mode: 'zone',
    store: { type: 'sqlite', sqlite: { path: '/home/op/.kuma/kuma.db' } },
    general: { workDir: '/home/op/.kuma', bindAddress: '0.0.0.0' },
    apiServer: {
      http: { enabled: true, interface: '0.0.0.0', port: 1001 },
      https: { interface: '0.0.0.0', port: 5682 },
    },
    dpServer: { lifecycle: { lease: '1m0s', graceAfterStreamLoss: '3s' } },
  });
});
