import { declareSettings, setting } from '../../settings/declare.ts';
import { boolean, list, oneOf, text } from '../../settings/values.ts';
import { choice, listenAddress } from './values.ts';

const ZONES_LATER = 'is not available yet: this control plane serves one zone by itself; use zone';

/** Settings of the process as a whole, of its store and of what it creates at start. */
export const generalSettings = declareSettings({
  environment: setting({
    key: 'environment',
    env: ['KUMA_ENVIRONMENT'],
    placeholder: 'name',
    doc: 'Where the mesh runs. Only universal: machines without Kubernetes.',
    value: choice(['universal'], { kubernetes: 'is not served; use universal' })('universal'),
  }),
  mode: setting({
    key: 'mode',
    env: ['KUMA_MODE'],
    placeholder: 'name',
    doc: 'Role of this control plane; standalone is an older word for zone.',
    value: choice(['zone', 'standalone'], { global: ZONES_LATER, remote: ZONES_LATER })('zone'),
  }),
  zoneName: setting({
    key: 'multizone.zone.name',
    env: ['KUMA_MULTIZONE_ZONE_NAME'],
    placeholder: 'name',
    doc: 'Name of the zone, as in the label kuma.io/zone.',
    value: text('default'),
  }),
  workDir: setting({
    key: 'general.workDir',
    env: ['KUMA_GENERAL_WORK_DIR'],
    placeholder: 'directory',
    doc: 'Where the store, the private CA and the server certificate are kept. Made 0700 if it is missing.',
    value: text('~/.kuma'),
  }),
  bindAddress: setting({
    key: 'general.bindAddress',
    env: ['KUMA_GENERAL_BIND_ADDRESS'],
    placeholder: 'address',
    doc: 'Address every port listens on unless it has an interface of its own. 0.0.0.0 opens them to the network.',
    value: listenAddress('127.0.0.1'),
  }),
  hostNames: setting({
    key: 'general.hostNames',
    env: ['KUMA_GENERAL_HOST_NAMES'],
    placeholder: 'name,…',
    doc: 'Further names and addresses this control plane is called by: put into its certificate, accepted as Host.',
    list: true,
    value: list([]),
  }),
  tlsCertFile: setting({
    key: 'general.tlsCertFile',
    env: ['KUMA_GENERAL_TLS_CERT_FILE'],
    placeholder: 'file',
    doc: 'Server certificate in PEM, with its chain. Without it one is issued by a private CA in general.workDir.',
    value: text(''),
  }),
  tlsKeyFile: setting({
    key: 'general.tlsKeyFile',
    env: ['KUMA_GENERAL_TLS_KEY_FILE'],
    placeholder: 'file',
    doc: 'Private key of general.tlsCertFile in PEM.',
    value: text(''),
  }),
  storeType: setting({
    key: 'store.type',
    env: ['KUMA_STORE_TYPE'],
    placeholder: 'name',
    doc: 'Where resources are kept: sqlite, a file that survives restarts, or memory.',
    value: choice(['sqlite', 'memory'], {
      postgres: 'is not available yet; use sqlite or memory',
      kubernetes: 'is not served; use sqlite or memory',
    })('sqlite'),
  }),
  storePath: setting({
    key: 'store.sqlite.path',
    env: ['KUMA_STORE_SQLITE_PATH'],
    placeholder: 'file',
    doc: 'File of the sqlite store. Empty: kuma.db in general.workDir.',
    value: text(''),
  }),
  skipMeshCreation: setting({
    key: 'defaults.skipMeshCreation',
    env: ['KUMA_DEFAULTS_SKIP_MESH_CREATION'],
    placeholder: '',
    doc: 'Does not make the mesh "default" at start.',
    value: boolean(false),
  }),
  defaultMesh: setting({
    key: 'defaults.mesh',
    env: ['KUMA_DEFAULTS_MESH'],
    placeholder: 'yaml',
    doc: 'Document of the mesh "default", made at start if there is none (a key of Kuma 0.1). Empty: a plain mesh.',
    value: text(''),
  }),
  logLevel: setting({
    key: 'log.level',
    env: ['KUMA_LOG_LEVEL'],
    flag: '--log-level',
    placeholder: 'level',
    doc: 'Least important lines to log: off, error, warn, info or debug.',
    value: oneOf('off', 'error', 'warn', 'info', 'debug')('info'),
  }),
  logFormat: setting({
    key: 'log.format',
    env: ['KUMA_LOG_FORMAT'],
    flag: '--log-format',
    placeholder: 'format',
    doc: 'Lines for people (text) or one JSON object a line (json).',
    value: oneOf('text', 'json')('text'),
  }),
});
