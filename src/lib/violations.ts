/** One thing wrong with an input document. `field` is a Kuma path, e.g. `networking.inbound[0].tags["kuma.io/service"]`. */
export interface Violation {
  readonly field: string;
  readonly message: string;
}

/** Collects violations over a whole document instead of stopping at the first. */
export class Violations {
  readonly #list: Violation[] = [];

  add(field: string, message: string): void {
    this.#list.push({ field, message });
  }

  addAll(list: readonly Violation[], prefix = ''): void {
    for (const v of list) this.add(prefix === '' ? v.field : joinField(prefix, v.field), v.message);
  }

  get list(): readonly Violation[] {
    return this.#list;
  }

  get empty(): boolean {
    return this.#list.length === 0;
  }
}

/** `joinField('networking', 'address')` → `networking.address`; an index or key part is appended without a dot. */
export function joinField(parent: string, child: string): string {
  if (parent === '') return child;
  if (child === '') return parent;
  return child.startsWith('[') ? `${parent}${child}` : `${parent}.${child}`;
}

/** As many as a person reads; a hostile document has hundreds of thousands. */
const MOST_DESCRIBED = 20;

/** `networking.address: address can't be empty; networking.inbound[0].port: ...`: one line for messages. */
export function describeViolations(list: readonly Violation[]): string {
  const texts = list
    .slice(0, MOST_DESCRIBED)
    .map((v) => (v.field === '' ? v.message : `${v.field}: ${v.message}`));
  const rest = list.length - texts.length;
  return [...texts, ...(rest > 0 ? [`and ${rest} more`] : [])].join('; ');
}
