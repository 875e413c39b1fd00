import type { ResourceKey } from '../../model/resource.ts';

/** Text that names a key in a Map; unlike `keyText` it is injective whatever a name contains. */
export function mapKey({ type, mesh, name }: ResourceKey): string {
  return `${type}\u0000${mesh}\u0000${name}`;
}

/** By type, mesh, name; code points, so that every engine and locale agrees. */
export function compareKeys(a: ResourceKey, b: ResourceKey): number {
  return compareText(a.type, b.type) || compareText(a.mesh, b.mesh) || compareText(a.name, b.name);
}

function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    if (a.charCodeAt(i) !== b.charCodeAt(i)) return rank(a.charCodeAt(i)) - rank(b.charCodeAt(i));
  }
  return a.length - b.length;
}

/** Surrogates stand for code points above all others, though their own numbers do not. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

/** `Dataplane "web-1" in mesh "default"`, for messages. */
export function describeKey({ type, mesh, name }: ResourceKey): string {
  return mesh === '' ? `${type} "${name}"` : `${type} "${name}" in mesh "${mesh}"`;
}
