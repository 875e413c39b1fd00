import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
} from 'yaml';
import { describeError } from '../../lib/coded-error.ts';
import type { Source } from './sources.ts';

/** One document of a YAML or JSON text. */
export interface SourceDocument {
  readonly body: unknown;
  /** Why the text could not be read as YAML, with its place; undefined when it could. */
  readonly syntaxError: string | undefined;
  /**
   * Where a field of Kuma's path syntax stands, as `stdin:4:3`; of a missing field the nearest thing above it that
   * exists.
   */
  readonly locate: (field: string) => string;
}

/** Splits a text at `---`; documents without content are left out. */
export function parseDocuments({ from, text }: Source): SourceDocument[] {
  const lines = new LineCounter();
  const place = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${from}:${line}:${col}`;
  };
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false });
  return [...documents]
    .filter((document) => document.errors.length > 0 || !isEmpty(document))
    .map((document) => {
      const { body, syntaxError } = readBody(document, place);
      return { body, syntaxError, locate: (field) => place(findOffset(document, parseFieldPath(field))) };
    });
}

function isEmpty({ contents }: Document): boolean {
  return contents === null || (isScalar(contents) && contents.value === null);
}

function readBody(
  document: Document,
  place: (offset: number) => string,
): Pick<SourceDocument, 'body' | 'syntaxError'> {
  const [error] = document.errors;
  if (error !== undefined)
    return { body: undefined, syntaxError: `${error.message} (${place(error.pos[0])})` };
  try {
    return { body: document.toJS({ maxAliasCount: 100 }), syntaxError: undefined };
  } catch (cause) {
    return { body: undefined, syntaxError: `${describeError(cause)} (${place(document.range?.[0] ?? 0)})` };
  }
}

/** `networking.inbound[0].tags["kuma.io/service"]` → its four names and one index. */
export function parseFieldPath(field: string): (string | number)[] {
  return [...field.matchAll(/\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|([^.[\]]+)/g)].map(
    ([, quoted, index, name]) =>
      index !== undefined ? Number(index) : (quoted?.replace(/\\(.)/g, '$1') ?? name ?? ''),
  );
}

/** Goes down as far as the document does. Of a map's field the key counts, for there a person looks. */
function findOffset(document: Document, path: readonly (string | number)[]): number {
  let node: unknown = document.contents;
  let offset = offsetOf(node) ?? 0;
  for (const step of path) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
      if (pair === undefined) break;
      offset = offsetOf(pair.key) ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof step === 'number' && step < node.items.length) {
      node = node.items[step];
      offset = offsetOf(node) ?? offset;
    } else break;
  }
  return offset;
}

function offsetOf(node: unknown): number | undefined {
  return isNode(node) ? (node as Node).range?.[0] : undefined;
}
