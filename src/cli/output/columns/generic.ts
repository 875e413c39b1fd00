import type { JsonObject } from '../../../lib/json.ts';
import { readOptional, readText } from '../read.ts';
import type { Columns } from '../table.ts';
import { formatTimeSince } from '../time-since.ts';

/** For every mesh-scoped type without a table of its own. */
export const meshScopedColumns: Columns<JsonObject> = {
  headers: ['MESH', 'NAME', 'AGE'],
  row: (item, now) => [
    readText(item, 'mesh'),
    readText(item, 'name'),
    formatTimeSince(readOptional(item, 'modificationTime'), now),
  ],
};

/** For every global type without a table of its own. */
export const globalColumns: Columns<JsonObject> = {
  headers: ['NAME', 'AGE'],
  row: (item, now) => [readText(item, 'name'), formatTimeSince(readOptional(item, 'modificationTime'), now)],
};

export const oldMeshScopedColumns: Columns<JsonObject> = {
  headers: ['MESH', 'NAME'],
  row: (item) => [readText(item, 'mesh'), readText(item, 'name')],
};

export const oldGlobalColumns: Columns<JsonObject> = {
  headers: ['NAME'],
  row: (item) => [readText(item, 'name')],
};
