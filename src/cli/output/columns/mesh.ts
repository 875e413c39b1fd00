import type { JsonObject } from '../../../lib/json.ts';
import { readList, readOptional, readText } from '../read.ts';
import type { Columns } from '../table.ts';
import { formatTimeSince } from '../time-since.ts';

export const meshColumns: Columns<JsonObject> = {
  headers: ['NAME', 'mTLS', 'LOCALITY', 'ZONEEGRESS', 'AGE'],
  row: (mesh, now) => [
    readText(mesh, 'name'),
    describeMtls(mesh),
    onOff(readText(mesh, 'routing', 'localityAwareLoadBalancing') === 'true'),
    onOff(readText(mesh, 'routing', 'zoneEgress') === 'true'),
    formatTimeSince(readOptional(mesh, 'modificationTime'), now),
  ],
};

/** The table of the first release. */
export const oldMeshColumns: Columns<JsonObject> = {
  headers: ['NAME', 'mTLS', 'DP ACCESS LOGS'],
  row: (mesh) => [
    readText(mesh, 'name'),
    onOff(readText(mesh, 'mtls', 'enabledBackend') !== ''),
    describeAccessLogs(mesh),
  ],
};

/** `builtin/ca-1`: type and name of the CA in use, or `off`. */
function describeMtls(mesh: JsonObject): string {
  const enabled = readText(mesh, 'mtls', 'enabledBackend');
  if (enabled === '') return 'off';
  const backend = readList(mesh, 'mtls', 'backends').find((b) => b.name === enabled);
  return `${readText(backend, 'type')}/${enabled}`;
}

/** `on (/path)` for the backend that is used when no policy names one. */
function describeAccessLogs(mesh: JsonObject): string {
  const name = readText(mesh, 'logging', 'defaultBackend');
  const backend =
    name === '' ? undefined : readList(mesh, 'logging', 'backends').find((b) => b.name === name);
  if (backend === undefined) return 'off';
  return `on (${readText(backend, 'conf', 'path') || readText(backend, 'conf', 'address')})`;
}

function onOff(on: boolean): string {
  return on ? 'on' : 'off';
}
