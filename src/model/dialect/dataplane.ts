import { isJsonObject, type Json, type JsonObject } from '../../lib/json.ts';
import { LOOPBACK } from '../address-rules.ts';
import type { Translated } from '../resource.ts';
import { isJsonList } from '../shape/compound.ts';
import { describeValue } from '../shape/notes.ts';
import { SERVICE_TAG } from '../tags.ts';
import {
  editObject,
  isGiven,
  mapObjects,
  TranslationNotes,
  toTranslated,
  withField,
  without,
} from './edit.ts';
import { parseInboundInterface, parseOutboundInterface, type Read } from './interface.ts';
import { translateTags } from './tags.ts';

/**
 * Moves a Dataplane of 0.1 to today's shape: `interface` to address and ports, `service` of an outbound to its
 * tags, old tag names to those of today. An entry that cannot be moved stays as it is, with a violation.
 */
export function translateDataplane(body: JsonObject): Translated {
  const notes = new TranslationNotes();
  const out = editObject(body, 'networking', (networking) => translateNetworking(networking, notes));
  return toTranslated(out, notes);
}

function translateNetworking(networking: JsonObject, notes: TranslationNotes): JsonObject {
  refuseMissingInbound(networking, notes);
  const address = isGiven(networking, 'address') ? networking.address : firstInterfaceIp(networking.inbound);
  const inbound = mapObjects(networking.inbound, (entry, i) => {
    return translateInbound(entry, { at: `networking.inbound[${i}]`, address, notes });
  });
  const outbound = mapObjects(networking.outbound, (entry, i) => {
    return translateOutbound(entry, `networking.outbound[${i}]`, notes);
  });
  const addressed =
    address === undefined || isGiven(networking, 'address')
      ? networking
      : { address, ...without(networking, 'address') };
  const listed = withField(withField(addressed, 'inbound', inbound), 'outbound', outbound);
  return editObject(listed, 'gateway', (gateway) => editObject(gateway, 'tags', translateTags));
}

// Outbounds alone do not say where an old proxy lives: without an inbound there is no address to derive.
function refuseMissingInbound({ inbound, outbound, address }: JsonObject, notes: TranslationNotes): void {
  const isOld =
    isJsonList(outbound) && outbound.some((entry) => isJsonObject(entry) && isGiven(entry, 'interface'));
  const hasInbound = isJsonList(inbound) ? inbound.length > 0 : inbound !== undefined && inbound !== null;
  if (!isOld || hasInbound || typeof address === 'string') return;
  notes.refuse('networking.inbound', 'has to contain at least one inbound interface', [
    'networking.inbound',
    'networking.address',
  ]);
}

function firstInterfaceIp(inbound: Json | undefined): string | undefined {
  if (!isJsonList(inbound)) return undefined;
  for (const entry of inbound) {
    const text = isJsonObject(entry) ? entry.interface : undefined;
    const read = typeof text === 'string' ? parseInboundInterface(text) : undefined;
    if (read?.ok === true) return read.value.ip;
  }
  return undefined;
}

interface InboundPlace {
  readonly at: string;
  /** `networking.address` as it will be. */
  readonly address: Json | undefined;
  readonly notes: TranslationNotes;
}

function translateInbound(entry: JsonObject, { at, address, notes }: InboundPlace): JsonObject {
  const tagged = editObject(entry, 'tags', translateTags);
  if (!isGiven(entry, 'interface')) return tagged;
  const covers = [at, 'networking.address'];
  if (refuseMixed(entry, ['port', 'servicePort', 'address', 'serviceAddress'], { at, covers, notes }))
    return tagged;
  const read = readInterface(entry.interface, parseInboundInterface);
  if (!read.ok) {
    notes.refuse(`${at}.interface`, read.message, covers);
    return tagged;
  }
  const { ip, dataplanePort, workloadPort } = read.value;
  if (ip === LOOPBACK && dataplanePort === workloadPort) {
    notes.refuse(
      `${at}.interface`,
      `the proxy and the service would both listen on ${ip}:${workloadPort}: give the proxy another port or address`,
      [at],
    );
    return tagged;
  }
  // 0.1 knows no service without the tag; today's Kuma would accept an inbound that has no tags at all.
  if (!hasTags(entry)) notes.refuse(`${at}.tags["${SERVICE_TAG}"]`, 'tag has to exist', [`${at}.tags`]);
  return {
    ...(ip === address ? {} : { address: ip }),
    port: dataplanePort,
    servicePort: workloadPort,
    ...without(tagged, 'interface', 'address', 'port', 'servicePort', 'serviceAddress'),
  };
}

function translateOutbound(entry: JsonObject, at: string, notes: TranslationNotes): JsonObject {
  const named = translateOutboundService(editObject(entry, 'tags', translateTags), at, notes);
  if (!isGiven(entry, 'interface')) return named;
  if (refuseMixed(entry, ['port', 'address'], { at, covers: [at], notes })) return named;
  const read = readInterface(entry.interface, parseOutboundInterface);
  if (!read.ok) {
    notes.refuse(`${at}.interface`, read.message, [at]);
    return named;
  }
  if (!hasTags(named) && !isGiven(named, 'backendRef') && !isGiven(named, 'service')) {
    notes.refuse(`${at}.service`, 'cannot be empty', [`${at}.tags`]);
  }
  const { ip, port } = read.value;
  return {
    ...(ip === undefined ? {} : { address: ip }),
    port,
    ...without(named, 'interface', 'address', 'port'),
  };
}

function translateOutboundService(entry: JsonObject, at: string, notes: TranslationNotes): JsonObject {
  if (!isGiven(entry, 'service')) return entry;
  const { service, tags } = entry;
  if (typeof service !== 'string' || service === '') {
    const message = service === '' ? 'cannot be empty' : `must be a string, got ${describeValue(service)}`;
    notes.refuse(`${at}.service`, message, [`${at}.tags`]);
    return entry;
  }
  const given = isJsonObject(tags) ? tags : {};
  if (isGiven(entry, 'backendRef') || (Object.hasOwn(given, SERVICE_TAG) && given[SERVICE_TAG] !== service)) {
    notes.refuse(`${at}.service`, 'names another destination than tags or backendRef: keep one of them', [
      at,
    ]);
    return entry;
  }
  if (isGiven(entry, 'servicePort')) {
    notes.warn(`${at}.servicePort`, 'ignored: an outbound names its service by tags only');
  }
  return { ...without(entry, 'service', 'servicePort'), tags: { ...given, [SERVICE_TAG]: service } };
}

interface MixedPlace {
  readonly at: string;
  readonly covers: readonly string[];
  readonly notes: TranslationNotes;
}

function refuseMixed(
  entry: JsonObject,
  names: readonly string[],
  { at, covers, notes }: MixedPlace,
): boolean {
  const found = names.filter((name) => isGiven(entry, name));
  if (found.length === 0) return false;
  notes.refuse(
    at,
    `"interface" cannot be mixed with ${found.map((n) => `"${n}"`).join(', ')} in one entry`,
    covers,
  );
  return true;
}

function readInterface<T>(value: Json | undefined, parse: (text: string) => Read<T>): Read<T> {
  if (typeof value === 'string') return parse(value);
  return { ok: false, message: `must be a string, got ${describeValue(value)}` };
}

function hasTags({ tags }: JsonObject): boolean {
  return tags !== undefined && tags !== null && !(isJsonObject(tags) && Object.keys(tags).length === 0);
}
