import { parse } from 'yaml';
import { toSnakeCaseKeys } from '../../bootstrap/merge.ts';
import { describeError } from '../../lib/coded-error.ts';
import type { Exchange } from '../../lib/http-exchange.ts';
import { isJsonObject, type JsonObject } from '../../lib/json.ts';
import { AgentError } from '../agent-error.ts';

/**
 * The Envoy bootstrap in a reply: `{"bootstrap": base64, …}` of today, or the bare YAML of older control planes. Keys
 * come back in snake_case, whichever of the two spellings of protobuf JSON was sent. Throws AgentError
 * `bootstrap-unusable`.
 */
export function parseBootstrapReply({ body }: Exchange): JsonObject {
  const outer = parseTree(body, 'the answer of the control plane');
  const tree =
    typeof outer.bootstrap === 'string'
      ? parseTree(Buffer.from(outer.bootstrap, 'base64').toString('utf8'), 'the bootstrap in the answer')
      : outer;
  const bootstrap = toSnakeCaseKeys(tree);
  if (!isJsonObject(bootstrap.node)) {
    throw new AgentError(
      'bootstrap-unusable',
      'the answer of the control plane is no Envoy bootstrap: it names no node',
    );
  }
  return bootstrap;
}

function parseTree(text: string, what: string): JsonObject {
  let tree: unknown;
  try {
    tree = parse(text);
  } catch (error) {
    throw new AgentError('bootstrap-unusable', `${what} is neither YAML nor JSON`, {
      cause: new Error(describeError(error).split('\n')[0]),
    });
  }
  if (!isJsonObject(tree))
    throw new AgentError('bootstrap-unusable', `${what} is no Envoy bootstrap: it is no mapping`);
  return tree;
}
