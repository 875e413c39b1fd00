// Bundles each program into one CommonJS file and puts a launcher beside it: dist/lib/*.cjs, dist/bin/*.
// Every file is replaced by a rename, so programs that run from `dist` meanwhile never see half a file.
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { build, type OutputFile, type Plugin } from 'esbuild';
import { readBuildInfo } from './lib/read-build-info.ts';

interface Program {
  readonly name: string;
  readonly entry: string;
  /** Flags for Node, given by the launcher. */
  readonly flags: readonly string[];
  /** Variables of the allocator, set by the launcher where the user set none; the program takes them out again. */
  readonly allocator?: Readonly<Record<string, string>>;
  /** Packages that are imported on first use only: each goes to a file of its own, which else nobody reads. */
  readonly apart?: readonly string[];
}

// The agent does little work and sits beside every service: without the optimising compilers and with a small young
// generation it stays near 50 MB under load. Node takes these flags on its command line only, not from NODE_OPTIONS.
const SMALL_HEAP = ['--no-opt', '--no-maglev', '--no-sparkplug', '--max-semi-space-size=1', '--expose-gc'];

// The agent collects by itself what it does not need (src/dp/idle-memory.ts, which --expose-gc allows). The helper
// threads of V8 stay: without them (--single-threaded) 0.4 MB less is kept, but each collection holds the event loop for 26
// instead of 9 ms.
// One arena for all threads, and thresholds that stay: glibc raises both with the largest block that was ever freed, and
// from then on gives hardly anything back. 1 MB of private memory in an idle agent.
const ONE_ARENA = { MALLOC_ARENA_MAX: '1', MALLOC_TRIM_THRESHOLD_: '131072' };

// The control plane of a thousand proxies: a smaller young generation and an old one that grows by 40 % of what is alive
// before it is collected, instead of doubling. 470 to 295 MB, for a third to a half more processor time in changes that
// concern every proxy (docs/performance.md has the figures between).
const TIGHT_HEAP = ['--max-semi-space-size=4', '--heap-growing-percent=40'];

const PROGRAMS: readonly Program[] = [
  {
    name: 'kuma-dp',
    entry: 'src/bin/kuma-dp.ts',
    flags: SMALL_HEAP,
    allocator: ONE_ARENA,
    apart: ['execa'],
  },
  // Node 22 warns about its built-in SQLite, Node 24 does not.
  {
    name: 'kuma-cp',
    entry: 'src/bin/kuma-cp.ts',
    flags: ['--disable-warning=ExperimentalWarning', ...TIGHT_HEAP],
  },
  { name: 'kumactl', entry: 'src/bin/kumactl.ts', flags: [] },
  { name: 'bookinfo', entry: 'examples/bookinfo/src/main.ts', flags: SMALL_HEAP },
];

const root = dirname(import.meta.dirname);
const dist = join(root, 'dist');

async function main(): Promise<void> {
  for (const folder of ['bin', 'lib']) mkdirSync(join(dist, folder), { recursive: true });
  const programs = PROGRAMS.filter(({ name, entry }) => {
    const there = existsSync(join(root, entry));
    if (!there) console.error(`build: ${entry} is missing, ${name} is left out`);
    return there;
  });
  const info = readBuildInfo(root);
  const results = await Promise.allSettled(programs.map((program) => bundle(program, JSON.stringify(info))));
  for (const program of programs) writeLauncher(program);
  copyTemplates();
  // esbuild has said what is wrong and where.
  if (results.some(({ status }) => status === 'rejected')) process.exitCode = 1;
}

/**
 * CommonJS has no top-level await, which the short files of `src/bin` use: what follows their imports is put into an
 * async function. A rejection ends the program as it does in a module.
 */
const asyncEntry: Plugin = {
  name: 'async-entry',
  setup({ onLoad }) {
    onLoad({ filter: /\/src\/bin\/[^/]+\.ts$/ }, ({ path }) => {
      const source = readFileSync(path, 'utf8').replace(/^#!.*/, '');
      const imports = source.match(/^import\s[^;]*;$/gm) ?? [];
      const body = imports.reduce((rest, line) => rest.replace(line, ''), source);
      return { contents: `${imports.join('\n')}\n(async () => {\n${body}\n})();\n`, loader: 'ts' };
    });
  },
};

async function bundle({ name, entry, apart = [] }: Program, buildInfo: string): Promise<void> {
  const entries = [
    { file: name, entryPoint: entry },
    ...apart.map((each) => ({ file: fileApart(name, each), entryPoint: each })),
  ];
  await Promise.all(
    entries.map(async ({ file, entryPoint }) => {
      const outputFiles = await bundleFile(entryPoint, apartFrom(name, apart), buildInfo);
      for (const { contents } of outputFiles) replaceFile(join(dist, 'lib', `${file}.cjs`), contents, 0o644);
    }),
  );
}

const fileApart = (program: string, packageName: string) => `${program}.${packageName}`;

/** Turns `await import('PACKAGE')` into a `require` of the file beside the program's. */
function apartFrom(program: string, packages: readonly string[]): Plugin {
  return {
    name: 'apart',
    setup({ onResolve }) {
      onResolve({ filter: /^[a-z]/ }, ({ path, kind }) =>
        kind === 'dynamic-import' && packages.includes(path)
          ? { path: `./${fileApart(program, path)}.cjs`, external: true }
          : undefined,
      );
    },
  };
}

async function bundleFile(entryPoint: string, apart: Plugin, buildInfo: string): Promise<OutputFile[]> {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [entryPoint],
    bundle: true,
    write: false,
    platform: 'node',
    target: 'node22',
    // CommonJS on purpose: an ES module namespace of node:http loads all of undici, 13 MB in every agent.
    format: 'cjs',
    // A native import() would bring in the loader of ES modules.
    supported: { 'dynamic-import': false },
    // Names are kept, so that a stack trace still tells something.
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    // Top-level code of ES modules finds its place through import.meta; in CommonJS that is __dirname.
    define: {
      KUMA_BUILD_INFO: buildInfo,
      'import.meta.dirname': '__dirname',
      'import.meta.url': 'KUMA_MODULE_URL',
    },
    // The directive counts only where nothing stands before it; esbuild writes its own below the banner.
    banner: { js: "'use strict';const KUMA_MODULE_URL=require('node:url').pathToFileURL(__filename).href;" },
    plugins: [asyncEntry, apart],
    logLevel: 'warning',
  });
  return outputFiles;
}

function writeLauncher({ name, flags, allocator = {} }: Program): void {
  const template = readFileSync(join(import.meta.dirname, 'launcher.sh'), 'utf8');
  const text = template
    .replaceAll('@PROGRAM@', name)
    .replaceAll(
      '@ALLOCATOR@',
      Object.entries(allocator)
        .map((pair) => pair.join('='))
        .join(' '),
    )
    .replaceAll(' @FLAGS@', flags.map((flag) => ` ${flag}`).join(''));
  replaceFile(join(dist, 'bin', name), text, 0o755);
}

function copyTemplates(): void {
  const target = join(dist, 'bootstrap-templates');
  const fresh = `${target}.${process.pid}`;
  const old = `${target}.old.${process.pid}`;
  cpSync(join(root, 'bootstrap-templates'), fresh, { recursive: true });
  if (existsSync(target)) renameSync(target, old);
  renameSync(fresh, target);
  rmSync(old, { recursive: true, force: true });
}

function replaceFile(path: string, content: string | Uint8Array, mode: number): void {
  const fresh = join(dirname(path), `.${basename(path)}.${process.pid}`);
  writeFileSync(fresh, content);
  chmodSync(fresh, mode);
  renameSync(fresh, path);
}

await main();
