import { join } from 'node:path';

/**
 * Where state that survives a reboot goes: the directory systemd made (STATE_DIRECTORY, the first of several), for root
 * /var/lib/kuma-dp, else the XDG state directory. '' when there is no place for it.
 */
export function defaultStateDir(env: Readonly<Record<string, string | undefined>>, uid: number): string {
  const [fromSystemd = ''] = (env.STATE_DIRECTORY ?? '').split(':');
  if (fromSystemd.startsWith('/')) return fromSystemd;
  if (uid === 0) return '/var/lib/kuma-dp';
  const xdg = env.XDG_STATE_HOME ?? '';
  if (xdg.startsWith('/')) return join(xdg, 'kuma-dp');
  const home = env.HOME ?? '';
  return home.startsWith('/') ? join(home, '.local/state/kuma-dp') : '';
}
