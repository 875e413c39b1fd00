import { describe, expect, test } from 'vitest';
import { type ConfigSources, loadConfig } from '../../../../src/dp/config/load.ts';

interface Given {
  readonly flags?: ConfigSources['flags'];
  readonly ignoredFlags?: Record<string, string>;
  readonly env?: Record<string, string>;
  readonly files?: Record<string, string>;
  readonly configFile?: string;
}

function load({ flags = {}, ignoredFlags = {}, env = {}, files = {}, configFile = '' }: Given) {
  const readText = async (path: string) => {
    const text = files[path];
    if (text === undefined) throw new Error('ENOENT: no such file');
    return text;
  };
  return loadConfig({
    flags,
    ignoredFlags,
    env,
    configFile,
    readText,
    defaultRunDir: '/run/kuma-dp',
    defaultStateDir: '/var/lib/kuma-dp',
  });
}

async function config(given: Given) {
  const loaded = await load(given);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.violations));
  return { ...loaded.config, warnings: loaded.warnings };
}

async function violations(given: Given): Promise<readonly string[]> {
  const loaded = await load(given);
  return loaded.ok ? [] : loaded.violations.map((v) => `${v.field}: ${v.message}`);
}

describe('the two dialects', () => {
  test('the three variables of 0.1 and its admin port are enough', async () => {
    const { controlPlane, proxy, envoy } = await config({
      env: {
        KUMA_CONTROL_PLANE_BOOTSTRAP_SERVER_URL: 'http://10.0.0.1:5682',
        KUMA_DATAPLANE_MESH: 'bookinfo',
        KUMA_DATAPLANE_NAME: 'ratings-v1',
      },
      flags: { adminPort: '9901' },
    });
    expect(controlPlane.url.href).toBe('http://10.0.0.1:5682/');
    expect(proxy).toEqual({ mesh: 'bookinfo', name: 'ratings-v1', proxyType: 'dataplane' });
    expect(envoy.adminPort).toBe(9901);
  });

  test('two addresses of the control plane that differ are an error; the same one twice is not', async () => {
    const env = { KUMA_DATAPLANE_NAME: 'a', KUMA_CONTROL_PLANE_URL: 'https://a:5678' };
    expect(
      await violations({ env: { ...env, KUMA_CONTROL_PLANE_BOOTSTRAP_SERVER_URL: 'http://b:5682' } }),
    ).toEqual([
      'KUMA_CONTROL_PLANE_URL and KUMA_CONTROL_PLANE_BOOTSTRAP_SERVER_URL: are set to different values; set one of them',
    ]);
    expect(
      await violations({ env: { ...env, KUMA_CONTROL_PLANE_BOOTSTRAP_SERVER_URL: 'https://a:5678' } }),
    ).toEqual([]);
  });

  test('work and config directory are other names of the run directory, which wins', async () => {
    expect((await config({ flags: { name: 'a' } })).runDir).toBe('/run/kuma-dp');
    expect((await config({ flags: { name: 'a', configDir: '/c' } })).runDir).toBe('/c');
    expect((await config({ flags: { name: 'a', configDir: '/c', workDir: '/w' } })).runDir).toBe('/w');
    expect((await config({ flags: { name: 'a', workDir: '/w', runDir: '/r' } })).runDir).toBe('/r');
  });
});

describe('precedence', () => {
  test('a flag wins over a variable, a variable over the file, the file over the default', async () => {
    const files = { 'c.yaml': 'dataplane: {name: from-file, mesh: from-file, drainTime: 7s}\n' };
    const { proxy, envoy } = await config({
      flags: { name: 'from-flag' },
      env: { KUMA_DATAPLANE_NAME: 'from-env', KUMA_DATAPLANE_MESH: 'from-env' },
      files,
      configFile: 'c.yaml',
    });
    expect(proxy).toMatchObject({ name: 'from-flag', mesh: 'from-env' });
    expect(envoy.drainTimeMs).toBe(7_000);
    expect(envoy.logLevel).toBe('info');
  });

  test('the path of the address is dropped, as in Kuma', async () => {
    const { controlPlane } = await config({
      flags: { name: 'a', controlPlaneUrl: 'https://cp:5678/some/path?x=1' },
    });
    expect(controlPlane.url.href).toBe('https://cp:5678/');
  });
});

describe('a Dataplane of its own', () => {
  const files = {
    'dp.yaml': 'type: Dataplane\nmesh: m\nname: "{{ name }}"\n',
    '-': 'type: Dataplane\nname: piped\n',
  };

  test('comes from a file with variables, whose values may hold commas', async () => {
    const { proxy } = await config({
      flags: { dataplaneFile: 'dp.yaml', dataplaneVars: ['name=web,1'] },
      files,
    });
    expect(proxy).toMatchObject({ mesh: 'm', name: 'web,1' });
  });

  test('comes from standard input or from a text', async () => {
    expect((await config({ flags: { dataplaneFile: '-' }, files })).proxy.name).toBe('piped');
    expect((await config({ flags: { dataplane: 'type: Dataplane\nname: text' } })).proxy.name).toBe('text');
  });

  test('may not be contradicted by --name or --mesh, and only one may be given', async () => {
    const flags = { dataplane: 'type: Dataplane\nmesh: m\nname: web' };
    expect(await violations({ flags: { ...flags, name: 'web', mesh: 'm' } })).toEqual([]);
    expect(await violations({ flags: { ...flags, name: 'other', mesh: 'other' } })).toEqual(
      [
        'name: is "other" but --dataplane says "web"; leave the setting out',
        'mesh: is "other" but --dataplane says "m"; leave the setting out',
      ].map((text) => text.replace(/^/, '--')),
    );
    expect(await violations({ flags: { ...flags, dataplaneFile: 'dp.yaml' }, files })).toEqual([
      '--dataplane and --dataplane-file: are both set; give the Dataplane once',
    ]);
  });
});

describe('mistakes are all told at once, each with its origin', () => {
  test('unreadable files, bad numbers and a missing name', async () => {
    const list = await violations({
      flags: { caCertFile: '/no/ca', adminPort: '70000', drainTime: 'soon' },
      env: { KUMA_READINESS_PORT: 'x', KUMA_CONTROL_PLANE_URL: 'localhost:5678' },
    });
    expect(list).toEqual([
      expect.stringContaining('--drain-time: must be a duration'),
      expect.stringContaining('KUMA_READINESS_PORT: must be a port'),
      expect.stringContaining('--admin-port: must be a port'),
      expect.stringContaining('--name: is missing'),
      expect.stringContaining('--ca-cert-file: cannot read /no/ca'),
      expect.stringContaining('KUMA_CONTROL_PLANE_URL: must be a URL'),
    ]);
  });

  test('a file that cannot be read is one mistake, not two', async () => {
    expect(await violations({ flags: { dataplaneFile: ['/no/web.yaml'] } })).toEqual([
      '--dataplane-file: cannot read /no/web.yaml: ENOENT: no such file',
    ]);
  });

  test('a file for the CA that holds something else is named', async () => {
    const flags = { name: 'a', caCertFile: 'web.yaml' };
    expect(await violations({ flags, files: { 'web.yaml': 'type: Dataplane' } })).toEqual([
      '--ca-cert-file: web.yaml holds no PEM certificate',
    ]);
  });

  test('a drain time of nothing', async () => {
    expect(await violations({ flags: { name: 'a', drainTime: '0s' } })).toEqual([
      '--drain-time: must be more than 0s',
    ]);
  });

  test.each([
    [{ caCert: 'x' }, {}, 'holds no PEM certificate'],
    [{ caFingerprint: 'sha256:12' }, {}, '64 hex digits'],
    [{ proxyType: 'ingress' }, {}, 'must be one of dataplane'],
    [{ tokenFile: 't' }, { t: 'two lines\nof text' }, 'one token on one line'],
    [
      { tokenFile: 't', controlPlaneUrl: 'http://cp:5682' },
      { t: 'abc' },
      'is not sent to http://cp:5682 over plain HTTP',
    ],
  ])('%j %j: %s', async (flags, files, text) => {
    expect(
      await violations({ flags: { name: 'a', ...flags }, files: files as Record<string, string> }),
    ).toEqual([expect.stringContaining(text)]);
  });

  test('a token may go over plain HTTP on this host, and is trimmed', async () => {
    const flags = { name: 'a', tokenFile: 't', controlPlaneUrl: 'http://127.0.0.1:5682' };
    expect((await config({ flags, files: { t: 'abc\n' } })).proxy.token).toBe('abc');
  });
});

describe('warnings', () => {
  test('unknown variables with our prefixes are named; others are none of our business', async () => {
    const { warnings } = await config({
      flags: { name: 'a' },
      env: {
        KUMA_DATAPLANE_NMAE: 'x',
        KUMA_CONTROL_PLANE_URI: 'y',
        KUMA_STORE_TYPE: 'z',
        KUMA_DP_CACHE: '/c',
      },
    });
    expect(warnings).toEqual([
      'KUMA_CONTROL_PLANE_URI is not a setting of kuma-dp and has no effect',
      'KUMA_DATAPLANE_NMAE is not a setting of kuma-dp and has no effect',
    ]);
  });

  test('a setting of Kuma without effect here is told once, unless it asks for what happens anyway', async () => {
    const { warnings } = await config({
      flags: { name: 'a' },
      ignoredFlags: { '--dns-enabled': 'true' },
      env: {
        KUMA_DNS_ENABLED: 'true',
        KUMA_DATAPLANE_RUNTIME_REUSE_PORT_ENABLED: 'true',
        KUMA_DNS_PROXY_PORT: '15053',
      },
    });
    expect(warnings).toEqual([
      '--dns-enabled has no effect: this agent serves no DNS yet',
      'KUMA_DNS_PROXY_PORT has no effect: this agent serves no DNS yet',
    ]);
    expect((await config({ flags: { name: 'a' }, env: { KUMA_DNS_ENABLED: 'false' } })).warnings).toEqual([]);
  });

  test('skipping the verification is the first and loudest', async () => {
    const { warnings } = await config({ flags: { name: 'a', skipVerify: 'true' } });
    expect(warnings[0]).toContain('TLS VERIFICATION OF THE CONTROL PLANE IS OFF (--skip-verify)');
  });
});
