import type { KeptEnvoy } from '../../src/dp/run-dir/kept.ts';

/** An Envoy as an agent writes it down. */
export function aKeptEnvoy(facts: Partial<KeptEnvoy> = {}): KeptEnvoy {
  const { epoch = 0 } = facts;
  return {
    pid: 4_000 + epoch,
    startTicks: 77,
    epoch,
    baseId: 12,
    binary: {
      path: '/usr/bin/envoy',
      identity: '1:2:3:4',
      version: { version: '1.40.0', build: 'x/1.40.0', supported: true },
    },
    bootstrapPath: `/run/kuma-dp/default.web/bootstrap.${epoch}.json`,
    place: { socketPath: `/run/kuma-dp/default.web/admin.${epoch}.sock` },
    logPath: `/var/lib/kuma-dp/default.web/envoy.${epoch}.log`,
    received: { node: { id: 'default.web' } },
    expects: { lds: true, cds: true },
    relayEpoch: epoch,
    ...facts,
  };
}
