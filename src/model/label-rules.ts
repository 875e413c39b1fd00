import { keyPath, type Notes } from './shape/notes.ts';

const MAX_PART = 63;
const MAX_PREFIX = 253;
const NAME = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;
const PREFIX = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const CHARACTERS = "letters, digits, '-', '_' and '.', with a letter or digit at both ends";

/** One label, by the rules of Kubernetes, which 2.14 keeps everywhere: `[PREFIX/]NAME: VALUE`, and VALUE may be empty. */
export function checkLabel(key: string, value: string, notes: Notes): void {
  const at = keyPath('labels', key.slice(0, MAX_PREFIX));
  const slash = key.indexOf('/');
  const prefix = slash < 0 ? undefined : key.slice(0, slash);
  const name = key.slice(slash + 1);
  if (key === '') notes.violate(at, 'label name cannot be empty');
  else if (name.length > MAX_PART || !NAME.test(name))
    notes.violate(at, `the name has to consist of 1 to ${MAX_PART} ${CHARACTERS}`);
  if (prefix !== undefined && (prefix.length > MAX_PREFIX || !PREFIX.test(prefix)))
    notes.violate(at, 'what stands before the "/" has to be a lowercase DNS subdomain');
  if (value !== '' && (value.length > MAX_PART || !NAME.test(value)))
    notes.violate(at, `the value has to be empty or consist of up to ${MAX_PART} ${CHARACTERS}`);
}
