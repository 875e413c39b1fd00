import type { Children } from './children.ts';
import { pageUrl } from './mesh.ts';

export const USAGE = `usage: ./scripts/demo [--ip ADDRESS] [--detach]
       ./scripts/demo --stop

Starts Bookinfo in a mesh on this machine: a control plane, six services and a sidecar for each. Ctrl-C stops it all.

  --ip ADDRESS  address of this machine to serve at (default 127.0.0.1)
  --detach      leave it running and return
  --stop        stop what --detach left running
`;

/** What to open and what to try, once everything is up. */
export function invitation(ip: string, folder: string, children: Children): string {
  return `
Open      ${pageUrl(ip)}
          Load it a few times: no stars, black stars and red stars are the three versions of reviews.

Try       export PATH="$PWD/dist/bin:$PATH"
          kumactl get meshes
          kumactl --mesh bookinfo inspect dataplanes
  a route kumactl apply -f examples/bookinfo/today/routes/reviews-only-v3.yaml     (red stars only; reviews-all.yaml undoes it)
  a fault kill -9 ${children.pid('control-plane') ?? 'PID'}          (the control plane: pages are served all the same)
          kill ${children.pid('reviews-v1') ?? 'PID'}             (the service reviews-v1: only its share of the reviews is missing)

Logs      ${folder}/*.log
`;
}
