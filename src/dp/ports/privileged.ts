import { AgentError } from '../agent-error.ts';

/** The fault as one of the settings, where the user of this process may not open the port that `flag` asks for. */
export function explainPrivileged(error: unknown, flag: string, port: number): unknown {
  if ((error as NodeJS.ErrnoException).code !== 'EACCES') return error;
  const text = `${flag} ${port} is a port that this user may not open; choose one above 1023, or give the agent CAP_NET_BIND_SERVICE (AmbientCapabilities= in its unit)`;
  return new AgentError('settings-invalid', text, { cause: error });
}
