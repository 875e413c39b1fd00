import { describeError } from '../../../lib/coded-error.ts';
import type { Exchange } from '../../../lib/http-exchange.ts';
import { ask, type FoundAgent, findAgents } from '../../control/agents.ts';
import { type Check, error, type Finding, healthy, ill, skipped, warning } from '../check.ts';

const TIMEOUT_MS = 3_000;

/** How the agents of this host are: silent, not ready, degraded, without the control plane or behind it. */
export const agentsCheck: Check = {
  name: 'agents',
  async run({ runDir }) {
    const { agents, silent } = await findAgents(runDir);
    // What those left that were killed is told as leftovers.
    const hanging = silent.filter(({ pid }) => pid !== undefined);
    if (agents.length + hanging.length === 0) return skipped(`none runs in ${runDir}`);
    const findings = [
      ...hanging.map(({ dir, pid, fault }) =>
        error(
          `an agent does not answer: ${dir}: ${fault}`,
          `where it hangs: kill -KILL ${pid}, and start it again`,
        ),
      ),
      ...(await Promise.all(agents.map(judgeAgent))).flat(),
    ];
    const seen = agents.map(({ status }) => `${status.mesh}.${status.name} is ${status.state}`).join(', ');
    return findings.length === 0 ? healthy(seen) : ill(seen, ...findings);
  },
};

async function judgeAgent({ socketPath, base, status }: FoundAgent): Promise<readonly Finding[]> {
  const name = `${status.mesh}.${status.name}`;
  const logs = `kuma-dp logs ${name}`;
  if (base !== '')
    return status.state === 'stopped'
      ? []
      : [error(`${name} does not run: ${status.reason}`, `${logs}; correct the file it comes from`)];
  try {
    const ready = await ask(socketPath, 'GET', '/ready', TIMEOUT_MS);
    const metrics = await ask(socketPath, 'GET', '/metrics', TIMEOUT_MS);
    return [...judgeReady(name, logs, ready), ...judgeStream(name, metrics)];
  } catch (cause) {
    return [error(`${name} does not answer: ${describeError(cause)}`, logs)];
  }
}

function judgeReady(name: string, logs: string, { status, body }: Exchange): readonly Finding[] {
  const text = body.trim().replaceAll('\n', '; ');
  if (status !== 200) return [error(`${name} is not ready: ${text}`, `${logs}; kuma-dp status ${name}`)];
  if (text.includes('STALE'))
    return [
      warning(
        `${name} has no word of the control plane: ${text}`,
        'kuma-dp doctor with the settings of that agent: see control-plane; it takes up the newest by itself',
      ),
    ];
  return text.startsWith('DEGRADED')
    ? [
        warning(
          `${name} serves, but is not at what the control plane wants: ${text}`,
          `${logs}; kumactl inspect dataplanes shows the same at the control plane; correct the policy it names`,
        ),
      ]
    : [];
}

/** An agent of before the metrics answers 404: nothing is known then. */
function judgeStream(name: string, { status, body }: Exchange): readonly Finding[] {
  if (status !== 200 || !/^kuma_dp_connected\{[^}]*\} 0$/m.test(body)) return [];
  return [
    error(
      `${name} has no stream to the control plane: changes do not reach it, and its endpoints are soon taken out`,
      `kuma-dp logs ${name} tells why; see control-plane and token above`,
    ),
  ];
}
