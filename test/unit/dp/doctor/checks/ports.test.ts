import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { portsCheck } from '../../../../../src/dp/doctor/checks/ports.ts';
import { readProcessId } from '../../../../../src/lib/process-id.ts';
import { aPatient, textOf } from '../support.ts';

let runDir: string;
const servers: Server[] = [];

beforeEach(() => {
  runDir = mkdtempSync(join(tmpdir(), 'dp-ports-'));
});

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
  rmSync(runDir, { recursive: true, force: true });
});

test('of a number that a killed agent had and another process has now is not taken for its own', async () => {
  const port = await listen('127.0.0.1');
  const dir = join(runDir, 'default.web');
  mkdirSync(dir);
  const own = readProcessId(process.pid);
  writeFileSync(join(dir, 'agent.json'), JSON.stringify(own));
  expect(await diagnose([{ port, servicePort: await listen('127.0.0.1') }])).toBe('');
  writeFileSync(join(dir, 'agent.json'), JSON.stringify({ ...own, startTicks: 1 }));
  expect(await diagnose([{ port, servicePort: await listen('127.0.0.1') }])).toContain(
    `127.0.0.1:${port} is taken by process ${process.pid}`,
  );
});

test.each(['0:0:0:0:0:0:0:1', '::ffff:127.0.0.1', '0::'])(
  '%s is an address of this machine',
  async (address) => {
    const inbound = { address, port: 1, servicePort: await listen('127.0.0.1') };
    expect(await diagnose([inbound])).toBe('');
  },
);

test('two proxies clash that want a port on one address and on all of them; one proxy may', async () => {
  const servicePort = await listen('127.0.0.1');
  const [one, all] = [
    { address: '127.0.0.1', port: 1, servicePort },
    { address: '0.0.0.0', port: 1, servicePort },
  ];
  expect(await diagnose([one, all])).toBe('');
  expect(await diagnose([one, one])).toContain(
    '127.0.0.1:1 is the inbound port of networking.inbound[0], too',
  );
  for (const [first, second] of [
    [one, all],
    [all, one],
  ]) {
    const text = await diagnose([first], [second]);
    expect(text).toContain(
      `default.p1: networking.inbound[0]: ${second?.address}:1 is the inbound port of default.p0: networking.inbound[0] (${first?.address}:1), too`,
    );
    expect(text.split('\n')).toHaveLength(1);
  }
});

test.skipIf(!existsSync('/proc/net/if_inet6'))(
  'of IPv6 alone are not in the way of the same ones of IPv4; of both they are',
  async () => {
    const servicePort = await listen('127.0.0.1');
    const inbound = (port: number) => ({ address: '127.0.0.1', port, servicePort });
    expect(await diagnose([inbound(await listen('::', true))])).toBe('');
    expect(await diagnose([inbound(await listen('::'))])).toContain(`is taken by process ${process.pid}`);
    const missing = { address: '127.0.0.1', port: 1, servicePort: await listen('::', true) };
    expect(await diagnose([missing])).toContain('where the service itself is expected');
  },
);

/** Of one proxy for each list of inbounds. */
async function diagnose(...proxies: readonly (readonly (object | undefined)[])[]): Promise<string> {
  const tags = { 'kuma.io/service': 'web' };
  const texts = proxies.map((inbounds, i) => {
    const networking = { address: '127.0.0.1', inbound: inbounds.map((one) => ({ tags, ...one })) };
    const name = proxies.length === 1 ? 'web' : `p${i}`;
    return JSON.stringify({ type: 'Dataplane', mesh: 'default', name, networking });
  });
  const files = texts.map((text, i) => {
    writeFileSync(join(runDir, `${i}.json`), text);
    return join(runDir, `${i}.json`);
  });
  const flags = files.length === 1 ? { dataplane: texts[0] } : { dataplaneFile: files };
  const patient = await aPatient({ flags, defaultRunDir: runDir });
  return textOf(await portsCheck.run(patient, new AbortController().signal));
}

async function listen(host: string, ipv6Only = false): Promise<number> {
  const server = createServer();
  servers.push(server);
  await new Promise<void>((resolve) => server.listen({ port: 0, host, ipv6Only }, resolve));
  return (server.address() as AddressInfo).port;
}
