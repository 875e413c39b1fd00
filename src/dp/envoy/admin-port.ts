import { isPortFree } from '../../lib/free-port.ts';
import { AgentError } from '../agent-error.ts';
import { describePortHolder } from '../ports/holders.ts';

/** Throws AgentError `port-taken` when the admin port that was asked for is not free; 0 asks for none. */
export async function checkAdminPort(port: number): Promise<void> {
  if (port === 0 || (await isPortFree(port, '127.0.0.1'))) return;
  const holder = describePortHolder('127.0.0.1', port);
  throw new AgentError(
    'port-taken',
    `admin port ${port} is taken${holder === undefined ? '' : ` by ${holder}`}; choose another --admin-port, or leave it out: then no port is needed`,
  );
}
