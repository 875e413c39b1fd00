import { declareSettings, setting } from '../../settings/declare.ts';
import { duration, text } from '../../settings/values.ts';
import { AGENT_SETTINGS } from './settings.ts';

/** Settings of `kuma-dp wait`. */
export const WAIT_SETTINGS = declareSettings({
  url: setting({
    key: 'wait.url',
    flag: '--url',
    placeholder: 'url',
    doc: 'Loopback address to ask, for example http://localhost:9901/ready, instead of the agents of this host.',
    value: text(''),
  }),
  unixSocket: setting({
    key: 'wait.unixSocket',
    flag: '--unix-socket',
    placeholder: 'file',
    doc: 'Unix socket to ask for /ready.',
    value: text(''),
  }),
  name: setting({
    key: 'wait.name',
    flag: '--name',
    placeholder: 'name',
    doc: 'Wait for this proxy only: its name, or mesh.name.',
    value: text(''),
  }),
  mesh: setting({
    key: 'wait.mesh',
    flag: '--mesh',
    placeholder: 'mesh',
    doc: 'Wait for proxies of this mesh only.',
    value: text(''),
  }),
  runDir: { ...AGENT_SETTINGS.runDir, doc: 'Run directory the agents were started with.' },
  timeout: setting({
    key: 'wait.timeout',
    flag: '--timeout',
    placeholder: 'duration',
    doc: 'How long to wait.',
    value: duration(180_000),
  }),
  checkFrequency: setting({
    key: 'wait.checkFrequency',
    flag: '--check-frequency',
    placeholder: 'duration',
    doc: 'Pause between two checks.',
    value: duration(100),
  }),
  requestTimeout: setting({
    key: 'wait.requestTimeout',
    flag: '--request-timeout',
    placeholder: 'duration',
    doc: 'How long one check may take.',
    value: duration(500),
  }),
});
