import { type Binding, bindingsOf } from '../codec/listener.ts';
import { WireError } from '../codec/wire.ts';
import type { Resource } from './resource.ts';
import type { View } from './view.ts';

/** A listener as far as its sockets go. The same object for the same content. */
export interface GatedListener {
  readonly name: string;
  readonly bindings: readonly Binding[];
}

/**
 * Decides which listeners may go to an Envoy: two Envoys that open one port share its connections without any error, so
 * who is to have it is settled before.
 */
export interface ListenerGate {
  /** Told once, before anything else, what there is and whom to tell that an answer below has changed. */
  connect(relay: GateRelay): void;
  /** The set has changed. */
  announce(): void;
  /** An Envoy starts where none ran: ports may have been taken meanwhile. */
  verify(): void;
  /** Until it is known which may go, none goes. */
  readonly deciding: boolean;
  /** There is something that may not go. */
  readonly holding: boolean;
  /** Why this one is held back, for people; undefined when it may go. Cheap. */
  obstacle(listener: GatedListener): string | undefined;
}

export interface GateRelay {
  /** What the control plane sent last, and what Envoys have. */
  listeners(): Iterable<GatedListener>;
  changed(): void;
}

const OPEN: ListenerGate = {
  connect() {},
  announce() {},
  verify() {},
  deciding: false,
  holding: false,
  obstacle: () => undefined,
};

export function openGate(): ListenerGate {
  return OPEN;
}

const known = new WeakMap<Resource, GatedListener>();

export function toGated(listener: Resource): GatedListener {
  let gated = known.get(listener);
  if (gated === undefined) {
    gated = { name: listener.name, bindings: readBindings(listener) };
    known.set(listener, gated);
  }
  return gated;
}

function readBindings({ any }: Resource): readonly Binding[] {
  try {
    return any === undefined ? [] : bindingsOf(any);
  } catch (error) {
    // Envoy says what is wrong with such a listener.
    if (error instanceof WireError) return [];
    throw error;
  }
}

/** Without what is held back; what Envoy has under its name stays. */
export function admitted(
  view: View,
  gate: ListenerGate,
  before: (name: string) => Resource | undefined,
): View {
  const mayGo = (resource: Resource) => gate.obstacle(toGated(resource)) === undefined;
  const choose = (resource: Resource): Resource | undefined => {
    if (mayGo(resource)) return resource;
    const old = before(resource.name);
    return old !== undefined && mayGo(old) ? old : undefined;
  };
  return {
    get(name) {
      const resource = view.get(name);
      return resource === undefined ? undefined : choose(resource);
    },
    all: () => [...view.all()].flatMap((resource) => choose(resource) ?? []),
    complete: view.complete,
    isAbsent: (name) => view.isAbsent(name),
  };
}
