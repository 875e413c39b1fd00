import { isIP } from 'node:net';
import { type Given, givenOf } from '../../control-planes/given.ts';
import { type Resolver, systemResolver } from '../../control-planes/resolve.ts';
import { type Check, error, type Finding, healthy, ill, skipped, soften, warning } from '../check.ts';

const SLOW_MS = 1_000;
/** The system may wait for longer than the whole check. */
const ANSWER_MS = 5_000;

/** Whether the names of the control planes mean something here. */
export const resolverCheck: Check = {
  name: 'resolver',
  async run({ config }) {
    if (config === undefined) return skipped('settings are unusable');
    const answers = await Promise.all(
      givenOf(config.controlPlane).map((given) => askFor(given, systemResolver)),
    );
    const names = answers.flat().filter(({ needed }) => needed);
    if (names.length === 0)
      return skipped(
        `${answers
          .flat()
          .map(({ seen }) => seen)
          .join(', ')} needs no resolver`,
      );
    const someIsKnown = answers.some((list) => list.every(({ findings }) => findings.length === 0));
    const seen = names.map((name) => name.seen).join(', ');
    const findings = names.flatMap((name) => (someIsKnown ? name.findings.map(soften) : name.findings));
    return findings.length === 0 ? healthy(seen) : ill(seen, ...findings);
  },
};

interface Answer {
  readonly seen: string;
  readonly findings: readonly Finding[];
  /** Not an address already. */
  readonly needed: boolean;
}

async function askFor(given: Given, resolver: Resolver): Promise<readonly Answer[]> {
  if (given.kind === 'url') return [await askForHost(given.url.hostname, resolver)];
  const { name } = given;
  const startedAt = performance.now();
  try {
    const records = await inTime(resolver.srv(name));
    const own: Answer = {
      seen: `${name} is ${records.map((record) => `${record.name}:${record.port}`).join(', ')}`,
      findings: judgeTime(name, startedAt),
      needed: true,
    };
    return [own, ...(await Promise.all(records.map((record) => askForHost(record.name, resolver))))];
  } catch (cause) {
    const mend = `dig +short SRV ${name} (or: resolvectl service ${name}); correct /etc/resolv.conf, the zone or --cp-address`;
    return [{ seen: name, findings: [unknown(name, cause, mend)], needed: true }];
  }
}

async function askForHost(hostname: string, resolver: Resolver): Promise<Answer> {
  const host = hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
  if (isIP(host) !== 0) return { seen: host, findings: [], needed: false };
  const startedAt = performance.now();
  try {
    const addresses = await inTime(resolver.addresses(host));
    return { seen: `${host} is ${addresses.join(', ')}`, findings: judgeTime(host, startedAt), needed: true };
  } catch (cause) {
    const mend = `getent hosts ${host}; correct /etc/resolv.conf, /etc/hosts or --cp-address`;
    return { seen: host, findings: [unknown(host, cause, mend)], needed: true };
  }
}

function inTime<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(Object.assign(new Error('no answer in time'), { code: 'ETIMEDOUT' })),
      ANSWER_MS,
    );
  });
  return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}

function unknown(name: string, cause: unknown, mend: string): Finding {
  const { code = '' } = cause as NodeJS.ErrnoException;
  return error(`the name ${name} of the control plane cannot be resolved (${code})`, mend);
}

function judgeTime(name: string, startedAt: number): readonly Finding[] {
  const tookMs = Math.round(performance.now() - startedAt);
  return tookMs < SLOW_MS
    ? []
    : [
        warning(
          `resolving ${name} took ${tookMs} ms: a name server does not answer, and every new connection waits for it`,
          'take the dead name server out of /etc/resolv.conf',
        ),
      ];
}
