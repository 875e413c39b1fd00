import { describe, expect, test } from 'vitest';
import { parseInboundInterface, parseOutboundInterface } from '../../../../src/model/dialect/interface.ts';

const INBOUND =
  'invalid format: expected format is DATAPLANE_IP:DATAPLANE_PORT:WORKLOAD_PORT ex. 192.168.0.100:9090:8080';
const OUTBOUND =
  'invalid format: expected format is IP_ADDRESS:PORT where IP_ADDRESS is optional. ex. 192.168.0.100:9090 or :9090';

describe('an inbound interface', () => {
  test('names address, port of the proxy and port of the service', () => {
    expect(parseInboundInterface('10.0.0.7:10001:10000')).toEqual({
      ok: true,
      value: { ip: '10.0.0.7', dataplanePort: 10001, workloadPort: 10000 },
    });
  });

  test.each([
    ['', INBOUND],
    ['10.0.0.7:10001', INBOUND],
    [':10001:10000', INBOUND],
    ['10.0.0.7::10000', INBOUND],
    ['[::1]:10001:10000', INBOUND],
    ['host:10001:10000', INBOUND],
    ['10.0.0.7:10001:10000:1', INBOUND],
    ['10.0.0.256:1:2', 'invalid DATAPLANE_IP in "10.0.0.256:1:2"'],
    [
      '10.0.0.7:0:2',
      'invalid DATAPLANE_PORT in "10.0.0.7:0:2": port number must be in the range [1, 65535] but got 0',
    ],
    [
      '10.0.0.7:1:65536',
      'invalid WORKLOAD_PORT in "10.0.0.7:1:65536": port number must be in the range [1, 65535] but got 65536',
    ],
  ])('%j is refused', (text, message) => {
    expect(parseInboundInterface(text)).toEqual({ ok: false, message });
  });
});

describe('an outbound interface', () => {
  test('may leave the address out', () => {
    expect(parseOutboundInterface('10.0.0.7:80')).toEqual({ ok: true, value: { ip: '10.0.0.7', port: 80 } });
    expect(parseOutboundInterface(':80')).toEqual({ ok: true, value: { port: 80 } });
  });

  test.each([
    ['80', OUTBOUND],
    ['10.0.0.7', OUTBOUND],
    ['10.0.0.7:80:80', OUTBOUND],
    ['1.2.3:80', 'invalid IP_ADDRESS in "1.2.3:80"'],
    [':70000', 'invalid PORT in ":70000": port number must be in the range [1, 65535] but got 70000'],
  ])('%j is refused', (text, message) => {
    expect(parseOutboundInterface(text)).toEqual({ ok: false, message });
  });
});
