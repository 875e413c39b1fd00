import { expect, test } from 'vitest';
import { countConnections, parseUncounted } from '../../../../src/dp/envoy/connections.ts';

const status = (name: string, address: string, port: number) => ({
  name,
  local_address: { socket_address: { address, port_value: port } },
});
const listeners = JSON.stringify({
  listener_statuses: [
    status('inbound:127.0.0.1:10001', '127.0.0.1', 10001),
    status('outbound:127.0.0.1:10504', '127.0.0.1', 10504),
    status('outbound:[::1]:10504', '::1', 10504),
    status('kuma:envoy:admin', '10.0.0.1', 9901),
  ],
});

test('connections of inbound listeners count once; admin, outbound and plumbing do not', () => {
  const stats = [
    'listener.127.0.0.1_10001.downstream_cx_active: 2',
    'listener.127.0.0.1_10001.worker_0.downstream_cx_active: 1',
    'listener.127.0.0.1_10001.worker_1.downstream_cx_active: 1',
    'listener.[__1]_10001.downstream_cx_active: 3',
    'listener.127.0.0.1_10504.downstream_cx_active: 10',
    'listener.[__1]_10504.downstream_cx_active: 20',
    'listener.10.0.0.1_9901.downstream_cx_active: 30',
    'listener.admin.downstream_cx_active: 1',
    'listener.admin.main_thread.downstream_cx_active: 1',
  ].join('\n');
  expect(countConnections(stats, parseUncounted(listeners))).toBe(5);
});

test('a list of listeners that cannot be read excludes only the admin', () => {
  expect(
    countConnections(
      'listener.admin.downstream_cx_active: 1\nlistener.x.downstream_cx_active: 2',
      parseUncounted('?'),
    ),
  ).toBe(2);
});
