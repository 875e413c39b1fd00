import { isPortFree } from '../../lib/free-port.ts';
import { AgentError } from '../agent-error.ts';
import { describePortHolder } from '../ports/holders.ts';
import { explainPrivileged } from '../ports/privileged.ts';

/** Throws AgentError when the admin port that was asked for is not free, or not for this user; 0 asks for none. */
export async function checkAdminPort(port: number): Promise<void> {
  if (port === 0 || (await isFree(port))) return;
  const holder = describePortHolder('127.0.0.1', port);
  throw new AgentError(
    'port-taken',
    `admin port ${port} is taken${holder === undefined ? '' : ` by ${holder}`}; choose another --admin-port, or leave it out: then no port is needed`,
  );
}

async function isFree(port: number): Promise<boolean> {
  try {
    return await isPortFree(port, '127.0.0.1');
  } catch (error) {
    throw explainPrivileged(error, '--admin-port', port);
  }
}
