import { resourceOfAny } from '../codec/any.ts';
import type { DeltaResponse } from '../codec/delta.ts';
import type { SotwResponse } from '../codec/sotw.ts';
import { WILDCARD } from './peer-type.ts';
import { isComplete, type Resource, toResource } from './resource.ts';
import { type View, viewOf } from './view.ts';

/** What one response said: name → version of its content, '' for "does not exist". */
export type Said = ReadonlyMap<string, string>;

/** What the control plane holds of one type, as far as it told. */
export class TypeCache {
  readonly resources = new Map<string, Resource>();
  /** The control plane's own versions by name; delta only. */
  readonly upstreamVersions = new Map<string, string>();
  /** Asked for by name and said not to exist. */
  readonly absent = new Set<string>();
  /** The wildcard was answered: what is not here does not exist. */
  complete = false;
  /**
   * Whether the newest response said anything that was not known: one that only repeats says nothing, nor does the first
   * answer to a name, for which somebody here began to ask.
   */
  changed = false;

  get view(): View {
    return viewOf(this.resources, this.complete, this.absent);
  }

  applyDelta(response: DeltaResponse, wildcard: boolean): Said {
    this.changed = false;
    const said = new Map<string, string>();
    for (const incoming of response.resources) {
      // Without content it only prolongs the life of what is known.
      if (incoming.any === undefined && this.resources.has(incoming.name)) continue;
      this.upstreamVersions.set(incoming.name, incoming.version);
      said.set(incoming.name, this.#put(toResource(incoming), wildcard));
    }
    for (const name of response.removed) {
      this.forget(name);
      if (!wildcard) this.absent.add(name);
      said.set(name, '');
    }
    if (wildcard) this.complete = true;
    return said;
  }

  /** Absence means removal for complete types only; answers of the others are partial. Throws WireError. */
  applySotw(response: SotwResponse, wildcard: boolean): Said {
    const incoming = response.resources.map((any) => toResource(resourceOfAny(any)));
    this.changed = false;
    const said = new Map<string, string>();
    for (const resource of incoming) said.set(resource.name, this.#put(resource, wildcard));
    if (wildcard && isComplete(response.typeUrl)) {
      for (const name of [...this.resources.keys()]) {
        if (said.has(name)) continue;
        this.forget(name);
        said.set(name, '');
      }
    }
    if (wildcard) this.complete = true;
    return said;
  }

  /** Nobody asks for this name any more: what is known of it gets old. */
  forget(name: string): void {
    if (this.resources.delete(name)) this.changed = true;
    this.upstreamVersions.delete(name);
    this.absent.delete(name);
  }

  /** Drops what of these names is not wanted any more: it would only get old. */
  forgetUnwanted(names: Iterable<string>, wanted: ReadonlySet<string> | undefined): void {
    if (wanted?.has(WILDCARD) === true) return;
    const candidates = [...names];
    if (candidates.includes(WILDCARD)) {
      this.complete = false;
      candidates.push(...this.resources.keys());
    }
    for (const name of candidates) if (wanted?.has(name) !== true) this.forget(name);
  }

  /** Equal content keeps its identity. */
  #put(resource: Resource, wildcard: boolean): string {
    this.absent.delete(resource.name);
    const before = this.resources.get(resource.name);
    if (before?.version !== resource.version) {
      this.resources.set(resource.name, resource);
      if (wildcard || before !== undefined) this.changed = true;
    }
    return resource.version;
  }
}

/** The caches of all types, made on first use. */
export class Cache {
  readonly types = new Map<string, TypeCache>();

  of(typeUrl: string): TypeCache {
    const known = this.types.get(typeUrl) ?? new TypeCache();
    this.types.set(typeUrl, known);
    return known;
  }
}
