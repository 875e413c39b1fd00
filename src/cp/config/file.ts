import { isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import { isJsonObject, type JsonObject } from '../../lib/json.ts';
import type { Violation } from '../../lib/violations.ts';

/** A configuration file as it was read. With violations its content is empty. */
export interface ConfigFile {
  readonly path: string;
  readonly content: JsonObject;
  readonly violations: readonly Violation[];
  /** Line of a key, from 1; undefined for one that is not there. */
  lineOf(key: readonly string[]): number | undefined;
}

/** Reads YAML (or JSON, which is YAML). An empty file is a file without keys. */
export function parseConfigFile(path: string, text: string): ConfigFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const invalid = (violations: readonly Violation[]): ConfigFile => ({
    path,
    content: {},
    violations,
    lineOf: () => undefined,
  });
  if (document.errors.length > 0) {
    return invalid(
      document.errors.map(({ message, pos }) => ({
        field: `${path}:${lines.linePos(pos[0]).line}`,
        message: firstLine(message),
      })),
    );
  }
  const content: unknown = document.toJS() ?? {};
  if (!isJsonObject(content))
    return invalid([{ field: path, message: 'must hold keys and values, as in "mode: zone"' }]);
  return {
    path,
    content,
    violations: [],
    lineOf(key) {
      const parent = key.length === 1 ? document.contents : document.getIn(key.slice(0, -1), true);
      if (!isMap(parent)) return undefined;
      const pair = parent.items.find((item) => isScalar(item.key) && String(item.key.value) === key.at(-1));
      const start = isScalar(pair?.key) ? pair.key.range?.[0] : undefined;
      return start === undefined ? undefined : lines.linePos(start).line;
    },
  };
}

function firstLine(message: string): string {
  return message.split('\n')[0] ?? message;
}
