import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Children } from './children.ts';
import { pageUrl } from './mesh.ts';

export const USAGE = `usage: ./scripts/demo [--ip ADDRESS] [--detach]
       ./scripts/demo --stop

Starts Bookinfo in a mesh on this machine: a control plane, six services and a sidecar for each. Ctrl-C stops it all.

  --ip ADDRESS  address of this machine to serve at (default 127.0.0.1)
  --detach      leave it running and return
  --stop        stop what --detach left running
`;

export interface Invited {
  readonly root: string;
  readonly ip: string;
  readonly folder: string;
  readonly children: Children;
}

/** What to open and what to try, once everything is up. */
export function invitation({ root, ip, folder, children }: Invited): string {
  const clone = relative(process.cwd(), root) || '.';
  const pid = (name: string) => String(children.pid(name) ?? 'PID');
  return `
Open     ${pageUrl(ip)}
         Load it a few times: no stars, black stars and red stars are the three versions of reviews.

Try      export PATH="${join(root, 'dist', 'bin')}:$PATH"
         kumactl --mesh bookinfo inspect dataplanes
A route  kumactl apply -f "${clone}/examples/bookinfo/today/routes/reviews-only-v3.yaml"
         Red stars only, from the next page on. reviews-all.yaml brings the others back.
Faults   kill -9 ${pid('control-plane')}   the control plane: pages are served all the same
         kill -9 ${envoyOf(children.pid('reviews-v2.sidecar'))}   the Envoy beside reviews-v2: its agent brings it back at once
         kill ${pid('ratings-v1')}      the service ratings-v1: reviews come without stars
         Whatever you kill is started again after ${RESTART_MS / 1000} s.

Logs     ${folder}/*.log
`;
}

/** How long visitors have to look at what they broke. */
export const RESTART_MS = 10_000;

/** Among the children of an agent there is also a shell that ends Envoy with it. */
function envoyOf(agent: number | undefined): string {
  try {
    const children = readFileSync(`/proc/${agent}/task/${agent}/children`, 'utf8').trim().split(' ');
    return children.find((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'envoy') ?? 'PID';
  } catch {
    return 'PID';
  }
}
