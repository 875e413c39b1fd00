import { describeError } from '../../lib/coded-error.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Resolver } from './resolve.ts';

/** A resolver that gives its last answer again while it has no new one. */
export function withMemory({ addresses, srv }: Resolver, logger: Logger): Resolver {
  return { addresses: remember(addresses, logger), srv: remember(srv, logger) };
}

function remember<T>(ask: (name: string) => Promise<T>, logger: Logger): (name: string) => Promise<T> {
  const answers = new Map<string, T>();
  const told = new Set<string>();
  return async (name) => {
    try {
      const answer = await ask(name);
      answers.set(name, answer);
      told.delete(name);
      return answer;
    } catch (error) {
      const last = answers.get(name);
      if (last === undefined) throw error;
      if (!told.has(name))
        logger.warn(
          { name, cause: describeError(error) },
          'the name of a control plane cannot be resolved any more; what it stood for stays in use',
        );
      told.add(name);
      return last;
    }
  };
}
