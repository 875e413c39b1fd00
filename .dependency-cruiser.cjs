// Which way imports may point. Each row of the table names a part of the tree and all it may import besides itself
// and node's own modules; what is not listed is forbidden. Paths are prefixes, packages of npm stand in `packages`.

const LIB = ['src/lib'];
const PURE_XDS = ['src/envoy/type-urls', 'src/proto', ...LIB];

/** @type {{ part: string, from: string, except?: string, may: string[], packages?: string[] }[]} */
const TABLE = [
  { part: 'lib', from: 'src/lib', may: [] },
  { part: 'logging', from: 'src/logging', may: LIB, packages: ['pino'] },
  { part: 'crypto', from: 'src/crypto', may: LIB, packages: ['@peculiar/x509', 'reflect-metadata'] },
  { part: 'settings', from: 'src/settings', may: LIB, packages: ['envalid', 'yaml'] },
  { part: 'proto', from: 'src/proto', may: LIB, packages: ['@bufbuild/protobuf'] },
  { part: 'model', from: 'src/model', may: LIB, packages: ['typebox', 'yaml'] },
  { part: 'envoy', from: 'src/envoy', may: ['src/proto', ...LIB], packages: ['@bufbuild/protobuf'] },
  {
    part: 'bootstrap',
    from: 'src/bootstrap',
    may: ['src/envoy', 'src/proto', 'src/model', ...LIB],
    packages: ['yaml'],
  },
  { part: 'xds', from: 'src/xds', may: PURE_XDS, packages: ['@bufbuild/protobuf', '@grpc/grpc-js'] },
  {
    part: 'dp',
    from: 'src/dp',
    may: ['src/bootstrap', 'src/envoy', 'src/model', 'src/settings', 'src/logging', ...LIB],
  },
  {
    part: 'cp',
    from: 'src/cp',
    may: [
      'src/xds',
      'src/bootstrap',
      'src/envoy',
      'src/proto',
      'src/model',
      'src/crypto',
      'src/settings',
      'src/logging',
      ...LIB,
    ],
  },
  { part: 'cli', from: 'src/cli', may: ['src/model', 'src/crypto', 'src/settings', 'src/logging', ...LIB] },
];

const prefix = (path) => `^${path.replaceAll('.', '\\.')}(/|\\.|$)`;

const byTable = TABLE.map(({ part, from, may }) => ({
  name: `${part}-imports`,
  comment: `src/${part} may import ${may.length > 0 ? may.join(', ') : 'nothing but node itself'}`,
  severity: 'error',
  from: { path: prefix(from) },
  to: { path: '^(src|test|scripts|examples)/', pathNot: [from, ...may].map(prefix).join('|') },
}));

const packagesByTable = TABLE.filter(
  ({ packages, from }) => packages !== undefined || from === 'src/lib',
).map(({ part, from, packages = [] }) => ({
  name: `${part}-packages`,
  comment: `src/${part} may use the packages ${packages.join(', ') || '(none)'}`,
  severity: 'error',
  from: { path: prefix(from) },
  to: { path: 'node_modules', pathNot: packages.map((name) => `node_modules/${name}/`).join('|') || '^$' },
}));

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      comment: 'parts that need each other are one part',
      from: {},
      to: { circular: true },
    },
    { name: 'no-missing', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'no-undeclared-package',
      comment: 'every package that is imported stands in package.json',
      severity: 'error',
      from: { path: '^(src|scripts|test|examples)/' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'programs-use-dependencies',
      comment: 'what the programs import is a dependency, not a devDependency',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'agent-stays-small',
      comment: 'the agent runs beside every service: no protobuf, gRPC or HTTP framework in it',
      severity: 'error',
      from: { path: ['^src/dp/', '^src/bin/kuma-dp\\.ts$'] },
      to: {
        path: 'node_modules/(@bufbuild/protobuf|@grpc/|fastify|@peculiar/)|^src/proto/',
        reachable: true,
      },
    },
    {
      name: 'model-is-pure',
      comment:
        'model, envoy, snapshots, generation and policies compute; reading and writing is done around them (net is for isIP)',
      severity: 'error',
      from: { path: '^src/(model|envoy|cp/(mesh|generate|policies))/' },
      to: {
        dependencyTypes: ['core'],
        path: '^(node:)?(fs|http|https|http2|tls|child_process|dgram|timers|worker_threads)(/|$)',
      },
    },
    {
      name: 'generation-is-blind',
      comment: 'generation and policies see the snapshot, never the store, the API or the streams',
      severity: 'error',
      from: { path: '^src/cp/(mesh|generate|policies)/' },
      to: {
        path: '^src/cp/(api|bootstrap|config|dp-server|insights|lifecycle|ports|resources|store|sync|tls)/',
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'store-is-below',
      comment: 'the store knows nothing of what is built on it',
      severity: 'error',
      from: { path: '^src/cp/store/' },
      to: { path: '^src/cp/', pathNot: '^src/cp/store/' },
    },
    {
      name: 'example-stands-alone',
      comment: "Bookinfo is somebody else's application: it knows nothing of the mesh",
      severity: 'error',
      from: { path: '^examples/' },
      to: { path: '^(src|test|scripts)/|node_modules' },
    },
    ...byTable,
    ...packagesByTable,
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(src/proto/gen|dist)/' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: 'specify',
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.cjs', '.mjs', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
