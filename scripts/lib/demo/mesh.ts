import { mkdirSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import type { Children } from './children.ts';
import { INSTANCES, LOOPBACK } from './layout.ts';

export interface MeshOptions {
  /** Root of the clone. */
  readonly root: string;
  /** Where the proxies listen. */
  readonly ip: string;
  /** Everything the demo writes is in here. */
  readonly folder: string;
  readonly children: Children;
  /** One line for each thing that is done. */
  readonly progress: (text: string) => void;
  readonly signal: AbortSignal;
}

const services = INSTANCES.map(({ name }) => name);
const sidecars = INSTANCES.map(({ name }) => `${name}.sidecar`);
const CONTROL_PLANE = 'control-plane';

/** From nothing to a page that is served through the mesh. Fails with what stood in the way. */
export async function startMesh(options: MeshOptions): Promise<void> {
  const { root, ip, folder, children, progress } = options;
  startControlPlane(options);
  startServices(options);
  await waitFor(options, CONTROL_PLANE, () => isOk('http://127.0.0.1:5680/ready'));
  progress('control plane ready');
  await applyResources(options);
  progress('mesh, six Dataplanes and a route applied');
  for (const { name } of INSTANCES) {
    children.start({
      name: `${name}.sidecar`,
      command: join(root, 'dist', 'bin', 'kuma-dp'),
      args: [
        'run',
        '--cp-address',
        'https://127.0.0.1:5678',
        '--ca-cert-file',
        caFile(folder),
        '--mesh',
        'bookinfo',
        '--name',
        name,
        '--binary-path',
        join(root, '.cache', 'envoy', '1.40.0', 'envoy'),
        '--run-dir',
        join(folder, 'run'),
        '--state-dir',
        join(folder, 'state'),
        '--concurrency',
        '1',
      ],
    });
  }
  for (const { name, port } of INSTANCES)
    await waitFor(options, name, () => isOk(`http://127.0.0.1:${port}/health`));
  progress('six services ready');
  for (const { name, proxyPort } of INSTANCES) {
    await waitFor(options, `${name}.sidecar`, () => isOk(`http://${host(ip)}:${proxyPort}/health`));
  }
  await waitFor(options, 'productpage-v1.sidecar', async () => {
    const page = await fetchText(pageUrl(ip));
    return page.includes('>1234567890</td>') && page.includes('Reviews served by');
  });
  progress('six sidecars ready, the page is served through the mesh');
}

/** Sidecars first, so that their drain is not an error of the services; the control plane last. */
export async function stopMesh(children: Children): Promise<void> {
  await children.stop(sidecars, 20_000);
  await children.stop(services, 10_000);
  await children.stop([CONTROL_PLANE], 10_000);
}

export function pageUrl(ip: string): string {
  return `http://${host(ip)}:10501/productpage`;
}

function host(ip: string): string {
  return ip.includes(':') ? `[${ip}]` : ip;
}

function caFile(folder: string): string {
  return join(folder, 'kuma-cp', 'ca.crt');
}

function startControlPlane({ root, folder, children }: MeshOptions): void {
  const workDir = join(folder, 'kuma-cp');
  mkdirSync(workDir, { mode: 0o700 });
  const config = join(folder, 'kuma-cp.conf');
  // All ports stay on loopback: the sidecars are on this machine, whatever address they serve.
  writeFileSync(config, `general:\n  workDir: ${JSON.stringify(workDir)}\n`);
  children.start({
    name: CONTROL_PLANE,
    command: join(root, 'dist', 'bin', 'kuma-cp'),
    args: ['run', '-c', config],
  });
}

function startServices({ root, ip, children }: MeshOptions): void {
  for (const { name, port, outbounds } of INSTANCES) {
    const env = Object.entries(outbounds).flatMap(([to, at]) => [
      [`${to.toUpperCase()}_HOSTNAME`, ip],
      [`${to.toUpperCase()}_SERVICE_PORT`, String(at)],
    ]);
    children.start({
      name,
      command: join(root, 'dist', 'bin', 'bookinfo'),
      args: [name, '--port', String(port), '--bind', LOOPBACK],
      env: Object.fromEntries(env),
    });
  }
}

async function applyResources({ root, ip, signal }: MeshOptions): Promise<void> {
  const today = join(root, 'examples', 'bookinfo', 'today');
  for (const path of [
    join(today, 'mesh.yaml'),
    join(today, 'dataplanes'),
    join(today, 'routes', 'reviews-all.yaml'),
  ]) {
    const kumactl = join(root, 'dist', 'bin', 'kumactl');
    await execa(kumactl, ['--no-config', 'apply', '-f', path, '-v', `IP=${ip}`], {
      cancelSignal: signal,
      stdin: 'ignore',
    });
  }
}

/** Waits until `ready`; fails when the child that should bring it about ends, or after a minute. */
async function waitFor(
  { children, signal }: MeshOptions,
  name: string,
  ready: () => Promise<boolean>,
): Promise<void> {
  const end = performance.now() + 60_000;
  while (!(await ready().catch(() => false))) {
    signal.throwIfAborted();
    if (children.pid(name) === undefined) throw new Error(`${name} did not start`);
    if (performance.now() > end) {
      throw new Error(
        `${name} was not ready within a minute; its last lines:\n${children.lastLines(name, 12)}`,
      );
    }
    await sleep(25, undefined, { signal });
  }
}

async function isOk(url: string): Promise<boolean> {
  await fetchText(url);
  return true;
}

/** The body of a 200; anything else is an error. */
function fetchText(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = get(url, { agent: false, timeout: 10_000 }, async (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('error', reject);
      response.on('end', () =>
        response.statusCode === 200 ? resolve(text) : reject(new Error(`status ${response.statusCode}`)),
      );
    });
    call.on('timeout', () => call.destroy(new Error('no answer')));
    call.on('error', reject);
  });
}
