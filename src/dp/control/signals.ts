import type { SignalSource } from '../../lib/stop-signals.ts';

export interface WishListeners {
  /** May resolve when it is done; nobody has to wait. */
  readonly onRestart: (cause: string) => unknown;
  readonly onDrain: (cause: string) => void;
  /** Not a signal's wish, but that of several agents in a process. False when it cannot be: Envoy would end as well. */
  readonly onDetach?: () => { readonly ok: boolean };
}

/** The signals that ask for something else than the end. One that comes before anybody listens is kept. */
export interface WishSignals {
  listen(listeners: WishListeners): void;
  /** Gives the signals back to their default actions, which end the process. */
  dispose(): void;
}

type Wish = 'onRestart' | 'onDrain';

/** Also keeps SIGUSR1, which an application may be meant by, from opening Node's debugger to all users of the host. */
export function catchWishes(source: SignalSource): WishSignals {
  const early = new Set<Wish>();
  let listeners: WishListeners | undefined;
  const tell = (name: Wish, cause: string) => {
    if (listeners === undefined) early.add(name);
    else listeners[name](cause);
  };
  const onHup = () => tell('onRestart', 'SIGHUP');
  const onUsr2 = () => tell('onDrain', 'SIGUSR2');
  const onUsr1 = () => {};
  source.on('SIGUSR1', onUsr1);
  source.on('SIGHUP', onHup);
  source.on('SIGUSR2', onUsr2);
  return {
    listen(given) {
      listeners = given;
      // A restart of what has not started yet is no wish left over.
      if (early.has('onDrain')) given.onDrain('SIGUSR2');
    },
    dispose() {
      source.off('SIGHUP', onHup);
      source.off('SIGUSR1', onUsr1);
      source.off('SIGUSR2', onUsr2);
    },
  };
}
