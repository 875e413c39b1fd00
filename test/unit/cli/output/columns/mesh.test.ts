import { describe, expect, test } from 'vitest';
import { meshColumns, oldMeshColumns } from '../../../../../src/cli/output/columns/mesh.ts';
import { formatTable } from '../../../../../src/cli/output/table.ts';

const now = Date.parse('2026-01-01T00:05:00Z');
const modificationTime = '2026-01-01T00:00:00Z';
const plain = { type: 'Mesh', name: 'default', modificationTime };
const secured = {
  type: 'Mesh',
  name: 'secured',
  modificationTime,
  mtls: { enabledBackend: 'ca-1', backends: [{ name: 'ca-1', type: 'builtin' }] },
  routing: { localityAwareLoadBalancing: true, zoneEgress: true },
  logging: {
    defaultBackend: 'file',
    backends: [{ name: 'file', type: 'file', conf: { path: '/var/log/a.log' } }],
  },
};

describe('the table of meshes', () => {
  test('shows CA, locality, zone egress and age', () => {
    expect(formatTable(meshColumns, [plain, secured], now)).toBe(
      [
        'NAME      mTLS           LOCALITY   ZONEEGRESS   AGE',
        'default   off            off        off          5m',
        'secured   builtin/ca-1   on         on           5m',
        '',
      ].join('\n'),
    );
  });

  test('in the view of 0.1 shows mTLS and where access is logged', () => {
    expect(formatTable(oldMeshColumns, [plain, secured], now)).toBe(
      [
        'NAME      mTLS   DP ACCESS LOGS',
        'default   off    off',
        'secured   on     on (/var/log/a.log)',
        '',
      ].join('\n'),
    );
  });

  test('is drawn whatever another control plane leaves out or gets wrong', () => {
    const odd = [{}, { name: 5, mtls: [], logging: { defaultBackend: 'gone', backends: {} } }];
    expect(formatTable(oldMeshColumns, odd, now)).toBe(
      'NAME   mTLS   DP ACCESS LOGS\n       off    off\n5      off    off\n',
    );
  });
});
