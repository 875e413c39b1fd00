import type { Reply, Request } from './http-server.ts';

// The session is the user's name in a cookie. There are no passwords and nothing to protect: the name only shows that
// a mesh can route by the user.
const COOKIE = 'session';
const ATTRIBUTES = 'Path=/; HttpOnly; SameSite=Lax';

/** The name the visitor signed in with, if any. */
export function sessionUser(cookieHeader: string | undefined): string | undefined {
  const value = new RegExp(`(?:^|;\\s*)${COOKIE}=([A-Za-z0-9_-]{1,200})(?:;|$)`).exec(
    cookieHeader ?? '',
  )?.[1];
  const user = value === undefined ? '' : Buffer.from(value, 'base64url').toString('utf8');
  return isUserName(user) ? user : undefined;
}

/** Answers the sign-in form, and leads back to the page it stood on. */
export async function startSession(request: Request): Promise<Reply> {
  const user = (new URLSearchParams(await request.body()).get('username') ?? '').trim();
  if (!isUserName(user)) return redirect(request, `${COOKIE}=; Max-Age=0; ${ATTRIBUTES}`);
  return redirect(request, `${COOKIE}=${Buffer.from(user).toString('base64url')}; ${ATTRIBUTES}`);
}

export function clearSession(request: Request): Reply {
  return redirect(request, `${COOKIE}=; Max-Age=0; ${ATTRIBUTES}`);
}

// It becomes a header of the calls to other services: printable ASCII only.
function isUserName(text: string): boolean {
  return /^[\x20-\x7e]{1,100}$/.test(text);
}

function redirect(request: Request, cookie: string): Reply {
  return { status: 302, headers: { location: cameFrom(request), 'set-cookie': cookie } };
}

/** The path of the referring page when it is one of ours; never another site. */
function cameFrom({ headers }: Request): string {
  const referer = URL.parse(headers.referer ?? '');
  return referer !== null && referer.host === headers.host
    ? `/${(referer.pathname + referer.search).replace(/^\/+/, '')}`
    : '/productpage';
}
