import { isJsonObject, type Json, type JsonObject } from '../../lib/json.ts';
import type { MovedPath, Translated } from '../resource.ts';
import { isJsonList } from '../shape/compound.ts';
import { keyPath } from '../shape/notes.ts';
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
import { isOldTagMap, translateTags } from './tags.ts';

const RULE_FIELDS = ['sources', 'destinations', 'conf'] as const;

/**
 * Moves a TrafficRoute of the 0.x shapes to today's: one rule of `rules` to the top, a list in `conf` to
 * `conf.split`, a destination in a list of one to the map itself, old tag names to those of today.
 */
export function translateTrafficRoute(body: JsonObject): Translated {
  const notes = new TranslationNotes();
  const lifted = liftRule(body, notes);
  const splitted = liftSplit(lifted.body);
  // Messages name the path that the author wrote.
  const written = { rule: lifted.at, split: splitted === lifted.body ? 'conf.split' : 'conf' };
  const out = translateConf(translateSelectors(splitted, written, notes), written, notes);
  return toTranslated(out, notes, movedPaths(written));
}

/** Where parts stood in the document as it was written. */
interface Written {
  /** '' or `rules[0].`. */
  readonly rule: string;
  /** `conf.split`, or `conf` when that was the list. */
  readonly split: string;
}

function movedPaths({ rule, split }: Written): readonly MovedPath[] {
  const lifted = rule === '' ? [] : RULE_FIELDS.map((name) => ({ now: name, was: rule + name }));
  return split === 'conf.split' ? lifted : [{ now: 'conf.split', was: rule + split }, ...lifted];
}

function liftRule(
  body: JsonObject,
  notes: TranslationNotes,
): { readonly body: JsonObject; readonly at: string } {
  if (!isGiven(body, 'rules')) return { body, at: '' };
  const { rules } = body;
  const mixed = RULE_FIELDS.filter((name) => isGiven(body, name));
  const rule = isJsonList(rules) && rules.length === 1 ? rules[0] : undefined;
  if (mixed.length > 0) {
    notes.refuse('rules', `cannot be mixed with ${mixed.map((n) => `"${n}"`).join(', ')}`, [
      'rules',
      ...RULE_FIELDS,
    ]);
  } else if (isJsonList(rules) && rules.length > 1) {
    notes.refuse('rules', describeSeveralRules(body.name, rules.length), ['rules', ...RULE_FIELDS]);
  } else if (!isJsonObject(rule)) {
    notes.refuse('rules', 'must be a list with one rule in it', ['rules', ...RULE_FIELDS]);
  } else {
    return { body: { ...without(body, 'rules', ...RULE_FIELDS), ...liftedFields(rule) }, at: 'rules[0].' };
  }
  return { body, at: '' };
}

// Fields of the rule beside the three stay, so that parsing names them as unknown; envelope fields must not.
function liftedFields(rule: JsonObject): JsonObject {
  return without(rule, 'type', 'name', 'mesh', 'labels', 'rules');
}

function describeSeveralRules(name: Json | undefined, count: number): string {
  const stem = typeof name === 'string' && name !== '' ? name : 'route';
  return (
    `a TrafficRoute holds one rule, got ${count}: write each as a TrafficRoute of its own ("${stem}-1" to ` +
    `"${stem}-${count}") with its sources, destinations and conf at the top`
  );
}

function liftSplit(body: JsonObject): JsonObject {
  return isJsonList(body.conf) ? { ...body, conf: { split: body.conf } } : body;
}

function translateSelectors(body: JsonObject, { rule }: Written, notes: TranslationNotes): JsonObject {
  const sources = mapObjects(body.sources, (selector) => editObject(selector, 'match', translateTags));
  const destinations = mapObjects(body.destinations, (selector, i) => {
    const at = `${rule}destinations[${i}].match`;
    return editObject(selector, 'match', (match) => translateDestinationMatch(match, at, notes));
  });
  return withField(withField(body, 'sources', sources), 'destinations', destinations);
}

// Without a service the other tags are all there is: dropping them would make the selector match everything.
function translateDestinationMatch(match: JsonObject, at: string, notes: TranslationNotes): JsonObject {
  const today = translateTags(match);
  if (!isOldTagMap(match) || !Object.hasOwn(today, SERVICE_TAG)) return today;
  const dropped = Object.keys(match).filter((name) => name !== 'service');
  for (const name of dropped) {
    notes.warn(
      keyPath(at, name),
      `ignored: destinations of a TrafficRoute are matched by ${SERVICE_TAG} only`,
    );
  }
  return { [SERVICE_TAG]: today[SERVICE_TAG] ?? null };
}

function translateConf(body: JsonObject, { rule, split }: Written, notes: TranslationNotes): JsonObject {
  return editObject(body, 'conf', (conf) => {
    const target = translateTarget(
      conf,
      { conf: 'conf', written: `${rule}conf`, split: `${rule}${split}` },
      notes,
    );
    const http = mapObjects(conf.http, (entry, i) => {
      const at = `conf.http[${i}]`;
      return translateTarget(entry, { conf: at, written: rule + at, split: `${rule}${at}.split` }, notes);
    });
    return withField(target, 'http', http);
  });
}

interface TargetPaths {
  /** Path in today's shape. */
  readonly conf: string;
  readonly written: string;
  readonly split: string;
}

function translateTarget(target: JsonObject, paths: TargetPaths, notes: TranslationNotes): JsonObject {
  const split = mapObjects(target.split, (part, i) => {
    const covers = `${paths.conf}.split[${i}].destination`;
    return liftDestination(part, { written: `${paths.split}[${i}]`, covers, notes });
  });
  const covers = `${paths.conf}.destination`;
  return liftDestination(withField(target, 'split', split), { written: paths.written, covers, notes });
}

interface DestinationPlace {
  readonly written: string;
  readonly covers: string;
  readonly notes: TranslationNotes;
}

function liftDestination(part: JsonObject, { written, covers, notes }: DestinationPlace): JsonObject {
  const { destination } = part;
  if (!isJsonList(destination)) return editObject(part, 'destination', translateTags);
  const [only] = destination;
  if (destination.length === 1 && isJsonObject(only))
    return withField(part, 'destination', translateTags(only));
  notes.refuse(
    `${written}.destination`,
    `must be one map of tags, got a list of ${destination.length}: write an entry with its own weight for each`,
    [covers],
  );
  return part;
}
