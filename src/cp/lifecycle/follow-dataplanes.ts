import type { Store } from '../store/store.ts';
import type { ProxyStreams } from './proxy-streams.ts';

/** Tells the life cycle which Dataplanes come and go, whoever makes and deletes them; the returned function ends it. */
export function followDataplanes(
  store: Pick<Store, 'subscribe'>,
  streams: Pick<ProxyStreams, 'created' | 'deleted'>,
): () => void {
  return store.subscribe(({ changes }) => {
    for (const { op, key } of changes) {
      if (key.type !== 'Dataplane' || op === 'update') continue;
      const proxy = { mesh: key.mesh, name: key.name };
      if (op === 'create') streams.created(proxy);
      else streams.deleted(proxy);
    }
  });
}
