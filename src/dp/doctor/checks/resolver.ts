import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { type Check, error, healthy, ill, skipped, warning } from '../check.ts';

const SLOW_MS = 1_000;

/** Whether the names of the control plane mean something here. */
export const resolverCheck: Check = {
  name: 'resolver',
  async run({ config }) {
    if (config === undefined) return skipped('settings are unusable');
    const host = config.controlPlane.url.hostname.replace(/^\[(.*)\]$/, '$1');
    if (isIP(host) !== 0) return skipped(`${host} needs no resolver`);
    const startedAt = performance.now();
    let addresses: readonly string[];
    try {
      addresses = (await lookup(host, { all: true })).map(({ address }) => address);
    } catch (cause) {
      const { code = '' } = cause as NodeJS.ErrnoException;
      return ill(
        host,
        error(
          `the name ${host} of the control plane cannot be resolved (${code})`,
          `getent hosts ${host}; correct /etc/resolv.conf, /etc/hosts or --cp-address`,
        ),
      );
    }
    const tookMs = Math.round(performance.now() - startedAt);
    const seen = `${host} is ${addresses.join(', ')}`;
    if (tookMs < SLOW_MS) return healthy(seen);
    return ill(
      seen,
      warning(
        `resolving ${host} took ${tookMs} ms: a name server does not answer, and every new connection waits for it`,
        'take the dead name server out of /etc/resolv.conf',
      ),
    );
  },
};
