import { AgentError } from '../agent-error.ts';
import type { AgentConfig, ProxyIdentity } from '../config/agent-config.ts';
import { givenOf, urlOfGiven } from '../control-planes/given.ts';
import { describeClearText } from '../token/clear-text.ts';
import { readToken } from '../token/source.ts';
import type { Entry } from './roster.ts';

/** The settings of one proxy: those that all share, with what its files say. Throws AgentError. */
export function toMemberConfig(shared: AgentConfig, entry: Entry): AgentConfig {
  const { mesh, name, json } = entry;
  const { token: _shared, ...identity } = shared.proxy;
  const own = { ...identity, mesh, name, resource: json };
  if (entry.tokenFile === undefined)
    return { ...shared, readinessPort: 0, proxy: { ...shared.proxy, mesh, name, resource: json } };
  return {
    ...shared,
    readinessPort: 0,
    proxy: withToken(own, entry.tokenFile, shared),
    tokenSource: { kind: 'file', path: entry.tokenFile },
  };
}

/** An empty file is one that gets its token later. */
function withToken(identity: ProxyIdentity, file: string, { controlPlane }: AgentConfig): ProxyIdentity {
  const reading = readToken({ kind: 'file', path: file });
  if (!reading.ok && reading.problem !== 'is empty')
    throw new AgentError('settings-invalid', `${file} ${reading.problem}`);
  const [problem] = describeClearText(givenOf(controlPlane).map(urlOfGiven));
  if (problem !== undefined) throw new AgentError('settings-invalid', `${file} ${problem}`);
  return reading.ok ? { ...identity, token: reading.token } : identity;
}
