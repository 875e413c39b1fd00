import { describeError } from '../../lib/coded-error.ts';
import type { Logger } from '../../lib/logger.ts';
import { findTypeByName } from '../../model/registry.ts';
import type { Resource } from '../../model/resource.ts';
import type { MeshSpec } from '../../model/resources/mesh-spec.ts';
import { advance, type ResourceChange } from '../mesh/builder.ts';
import type { Liveness, MeshSnapshot } from '../mesh/snapshot.ts';

/** One mesh: its newest snapshot, and what has happened since. */
export class SyncedMesh {
  readonly name: string;
  readonly #logger: Logger;
  readonly #liveness = new Map<string, Liveness>();
  #snapshot: MeshSnapshot | undefined;
  #mesh: Resource<MeshSpec> | undefined;
  #revision = 0;
  #changes: ResourceChange[] = [];
  #livenessChanged = new Set<string>();
  #dirty = false;

  constructor(name: string, logger: Logger) {
    this.name = name;
    this.#logger = logger.child({ mesh: name });
  }

  /** Absent before the Mesh resource exists and after it is gone. */
  get snapshot(): MeshSnapshot | undefined {
    return this.#snapshot;
  }

  get dirty(): boolean {
    return this.#dirty;
  }

  note(change: ResourceChange, revision: number): void {
    this.#revision = Math.max(this.#revision, revision);
    if (change.key.type === 'Mesh') this.#mesh = change.after as Resource<MeshSpec> | undefined;
    else if (change.key.type !== 'Dataplane' && !isPolicy(change.key.type)) return;
    else this.#changes.push(change);
    // A Dataplane made anew under a name is not the one that left.
    if (change.key.type === 'Dataplane' && change.after === undefined) this.#liveness.delete(change.key.name);
    this.#dirty = true;
  }

  setLiveness(dataplane: string, liveness: Liveness): void {
    if ((this.#liveness.get(dataplane) ?? 'serving') === liveness) return;
    if (liveness === 'serving') this.#liveness.delete(dataplane);
    else this.#liveness.set(dataplane, liveness);
    this.#livenessChanged.add(dataplane);
    this.#dirty = true;
  }

  /** Takes in all that was noted. A resource that cannot be read is logged and left out, the others count. */
  advance(): MeshSnapshot | undefined {
    const changes = this.#changes;
    const livenessChanged = this.#livenessChanged;
    this.#changes = [];
    this.#livenessChanged = new Set();
    this.#dirty = false;
    const mesh = this.#mesh;
    if (mesh === undefined) {
      this.#snapshot = undefined;
      // The Mesh may be written after what belongs to it.
      this.#changes = changes.filter((c) => c.after !== undefined);
      return undefined;
    }
    const common = {
      mesh,
      revision: this.#revision,
      isPolicy,
      livenessOf: (name: string) => this.livenessOf(name),
    };
    try {
      this.#snapshot = advance(this.#snapshot, { ...common, changes, livenessChanged });
    } catch {
      this.#snapshot = advance(this.#snapshot, { ...common, changes: [], livenessChanged });
      for (const change of changes) {
        try {
          this.#snapshot = advance(this.#snapshot, { ...common, changes: [change], livenessChanged: [] });
        } catch (error) {
          const facts = { type: change.key.type, name: change.key.name, cause: describeError(error) };
          this.#logger.error(facts, 'stored resource cannot be used and is left out');
        }
      }
    }
    return this.#snapshot;
  }

  livenessOf(dataplane: string): Liveness {
    return this.#liveness.get(dataplane) ?? 'serving';
  }
}

function isPolicy(type: string): boolean {
  return findTypeByName(type)?.isPolicy === true;
}
