import { type Violation, Violations } from '../../lib/violations.ts';
import type { Labels } from '../../model/resource.ts';

const DISPLAY_NAME = 'kuma.io/display-name';
/** What a document may repeat but not contradict. */
const FIXED = ['kuma.io/mesh', 'kuma.io/origin', 'kuma.io/zone'] as const;

export interface LabelSources {
  /** As the document has them; a PUT replaces all earlier ones. */
  readonly document: Labels;
  /** As the control plane sets them. */
  readonly server: Labels;
  /** Of the resource this one replaces, if any. */
  readonly existing: Labels | undefined;
}

export interface MergedLabels {
  readonly labels: Labels;
  readonly violations: readonly Violation[];
}

/** Labels to store, keys sorted so that the same document always gives the same bytes. */
export function mergeLabels({ document, server, existing }: LabelSources): MergedLabels {
  const violations = new Violations();
  for (const label of FIXED) {
    const wanted = server[label];
    if (wanted !== undefined && (document[label] ?? wanted) !== wanted) {
      violations.add(`labels["${label}"]`, `must be "${wanted}" or left out, got "${document[label]}"`);
    }
  }
  const displayName = existing?.[DISPLAY_NAME];
  if (displayName !== undefined && (document[DISPLAY_NAME] ?? displayName) !== displayName) {
    violations.add(`labels["${DISPLAY_NAME}"]`, `cannot be changed, it is "${displayName}"`);
  }
  const merged = {
    ...(displayName === undefined ? {} : { [DISPLAY_NAME]: displayName }),
    ...document,
    ...server,
  };
  const sorted = Object.entries(merged).sort(([a], [b]) => (a < b ? -1 : 1));
  return { labels: Object.fromEntries(sorted), violations: violations.list };
}
