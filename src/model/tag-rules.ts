import { keyPath, type Notes } from './shape/notes.ts';
import { PROTOCOL_TAG, SERVICE_TAG, type Tags } from './tags.ts';

/** Protocols an inbound may announce; anything else is refused rather than served as plain TCP in silence. */
export const PROTOCOLS = ['tcp', 'http', 'http2', 'grpc', 'kafka'] as const;

const TAG_NAME = /^[A-Za-z0-9.\-_:/]+$/;
const TAG_VALUE = /^[A-Za-z0-9.\-_:]+$/;

/** Names and values of a tag map. `wildcard` allows `*`, as selectors and destinations do. */
export function checkTags(tags: Tags, at: string, notes: Notes, wildcard = false): void {
  for (const [name, value] of Object.entries(tags)) {
    const field = keyPath(at, name);
    if (name === '') notes.violate(field, 'tag name cannot be empty');
    else if (!TAG_NAME.test(name)) {
      notes.violate(
        field,
        'tag name must consist of alphanumeric characters, dots, dashes, slashes and underscores',
      );
    }
    if (value === '') notes.violate(field, 'tag value cannot be empty');
    else if (!TAG_VALUE.test(value) && !(wildcard && value === '*')) {
      notes.violate(field, 'tag value must consist of alphanumeric characters, dots, dashes and underscores');
    }
  }
}

export function checkProtocol(protocol: string | undefined, field: string, notes: Notes): void {
  if (protocol === undefined || protocol === '' || PROTOCOLS.some((known) => known === protocol)) return;
  notes.violate(
    field,
    `has an invalid value "${protocol}". Allowed values: ${[...PROTOCOLS].sort().join(', ')}`,
  );
}

/** Tags of something that serves: an inbound or a delegated gateway. */
export function checkServingTags(tags: Tags, at: string, notes: Notes): void {
  checkTags(tags, at, notes);
  if (!Object.hasOwn(tags, SERVICE_TAG)) notes.violate(keyPath(at, SERVICE_TAG), 'tag has to exist');
  if (Object.hasOwn(tags, PROTOCOL_TAG)) checkProtocol(tags[PROTOCOL_TAG], keyPath(at, PROTOCOL_TAG), notes);
}

/** Tags that point at a service: an outbound or a route's destination. */
export function checkDestinationTags(tags: Tags, at: string, notes: Notes, wildcard = false): void {
  checkTags(tags, at, notes, wildcard);
  if (!Object.hasOwn(tags, SERVICE_TAG)) notes.violate(at, `mandatory tag "${SERVICE_TAG}" is missing`);
}
