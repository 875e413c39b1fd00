import type { JsonObject } from '../../../lib/json.ts';
import { toOldTags } from '../../../model/dialect/tags.ts';
import { readOptional, readText } from '../read.ts';
import type { Columns } from '../table.ts';
import { formatTimeSince } from '../time-since.ts';
import { formatTags } from './tags.ts';

export const dataplaneColumns: Columns<JsonObject> = {
  headers: ['MESH', 'NAME', 'TAGS', 'ADDRESS', 'AGE'],
  row: (dataplane, now) => [
    readText(dataplane, 'mesh'),
    readText(dataplane, 'name'),
    formatTags(dataplane),
    readText(dataplane, 'networking', 'address'),
    formatTimeSince(readOptional(dataplane, 'modificationTime'), now),
  ],
};

/** The table of the first release, with its tag names. */
export const oldDataplaneColumns: Columns<JsonObject> = {
  headers: ['MESH', 'NAME', 'TAGS'],
  row: (dataplane) => [
    readText(dataplane, 'mesh'),
    readText(dataplane, 'name'),
    formatTags(dataplane, toOldTags),
  ],
};
