// Generates the protobuf-es code in src/proto/gen from the .proto tree inside @grpc/grpc-js-xds. No network. Quick when
// nothing changed: a stamp in the output says which inputs it was made from. Imports and stubs: scripts/proto/README.md.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOTS } from './lib/proto-roots.ts';

const root = dirname(import.meta.dirname);
const target = join(root, 'src', 'proto', 'gen');
const stubs = join(root, 'scripts', 'proto');
const packages = ['@grpc/grpc-js-xds', '@bufbuild/buf', '@bufbuild/protoc-gen-es', '@bufbuild/protobuf'];

/** Options for validators and documentation. Untrimmed, importing the generated code takes twice the time. */
const TRIMMED = ['validate', 'envoy.annotations', 'udpa.annotations', 'xds.annotations.v3'];

function main(): void {
  const modules = new Map(packages.map((name) => [name, locate(name)]));
  const stamp = stampOf(modules);
  const stampFile = join(target, 'stamp');
  if (
    !process.argv.includes('--force') &&
    existsSync(stampFile) &&
    readFileSync(stampFile, 'utf8') === stamp
  ) {
    console.log('protobuf code is up to date');
    return;
  }
  // Inside the repository, so that the result can be renamed into place; by process id, so that two runs do not meet.
  const work = join(root, '.cache', `proto-${process.pid}`);
  rmSync(work, { recursive: true, force: true });
  try {
    const files = stage(join(modules.get('@grpc/grpc-js-xds')?.path ?? '', 'deps'), join(work, 'in'));
    runBuf(work, modules);
    writeFileSync(join(work, 'out', 'stamp'), stamp);
    install(join(work, 'out'));
    console.log(`generated protobuf code of ${files} files`);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

interface Module {
  readonly path: string;
  readonly version: string;
}

function locate(name: string): Module {
  // Resolved by folder: some of these packages do not export their package.json.
  for (const base of createRequire(import.meta.url).resolve.paths(name) ?? []) {
    const file = join(base, name, 'package.json');
    if (!existsSync(file)) continue;
    return {
      path: dirname(file),
      version: (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version,
    };
  }
  throw new Error(`package ${name} is not installed; run \`npm ci\` in ${root}, then try again`);
}

/** Everything the output depends on: versions, this script, the roots and the stubs. */
function stampOf(modules: ReadonlyMap<string, Module>): string {
  const hash = createHash('sha256');
  for (const [name, { version }] of modules) hash.update(`${name}@${version}\n`);
  const inputs = readdirSync(stubs, { recursive: true, encoding: 'utf8' }).filter((f) =>
    f.endsWith('.proto'),
  );
  for (const file of inputs.sort()) hash.update(file).update(readFileSync(join(stubs, file)));
  for (const file of [import.meta.filename, join(import.meta.dirname, 'lib', 'proto-roots.ts')])
    hash.update(readFileSync(file));
  return `${hash.digest('hex')}\n`;
}

/** Copies the roots and all they import into one tree; returns how many files. */
function stage(deps: string, into: string): number {
  const trees = [
    stubs,
    ...['envoy-api', 'googleapis', 'protoc-gen-validate', 'xds'].map((d) => join(deps, d)),
  ];
  const done = new Set<string>();
  const open: { file: string; by: string }[] = ROOTS.map((file) => ({ file, by: 'the list of roots' }));
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { file, by } = next;
    // The compiler brings these itself.
    if (done.has(file) || file.startsWith('google/protobuf/')) continue;
    done.add(file);
    const tree = trees.find((t) => existsSync(join(t, file)));
    if (tree === undefined)
      throw new Error(`${file}, imported by ${by}, is neither under ${deps} nor under ${stubs}`);
    const text = patch(file, readFileSync(join(tree, file), 'utf8'));
    mkdirSync(dirname(join(into, file)), { recursive: true });
    writeFileSync(join(into, file), text);
    for (const [, imported] of text.matchAll(/^\s*import\s+(?:public\s+|weak\s+)?"([^"]+)"/gm)) {
      if (imported !== undefined) open.push({ file: imported, by: file });
    }
  }
  return done.size;
}

/** The tree's validate.proto is older than the Envoy files beside it, which use StringRules.ignore_empty. */
function patch(file: string, text: string): string {
  if (file !== 'validate/validate.proto' || /message StringRules \{[^}]*ignore_empty/.test(text)) return text;
  return text.replace('message StringRules {', 'message StringRules {\n    optional bool ignore_empty = 26;');
}

function runBuf(work: string, modules: ReadonlyMap<string, Module>): void {
  writeFileSync(join(work, 'in', 'buf.yaml'), 'version: v2\n');
  const plugin = join(modules.get('@bufbuild/protoc-gen-es')?.path ?? '', 'bin', 'protoc-gen-es');
  const template = {
    version: 'v2',
    inputs: [{ directory: 'in', exclude_types: TRIMMED }],
    plugins: [
      { local: [process.execPath, plugin], out: 'out', opt: ['target=js+dts', 'import_extension=js'] },
    ],
  };
  writeFileSync(join(work, 'buf.gen.yaml'), JSON.stringify(template));
  const buf = join(modules.get('@bufbuild/buf')?.path ?? '', 'bin', 'buf');
  try {
    execFileSync(process.execPath, [buf, 'generate'], {
      cwd: work,
      stdio: ['ignore', 'ignore', 'pipe'],
      encoding: 'utf8',
    });
  } catch (cause) {
    const stderr = cause instanceof Error && 'stderr' in cause ? String(cause.stderr).trim() : '';
    throw new Error(`buf could not generate the protobuf code: ${stderr === '' ? String(cause) : stderr}`, {
      cause,
    });
  }
}

function install(from: string): void {
  mkdirSync(dirname(target), { recursive: true });
  rmSync(target, { recursive: true, force: true });
  try {
    renameSync(from, target);
  } catch {
    // A run beside this one put its own there first; the inputs are the same.
    cpSync(from, target, { recursive: true });
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  try {
    main();
  } catch (error) {
    console.error(`generate-proto: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}
