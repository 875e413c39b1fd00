/**
 * Takes what only the launcher of this program put into the environment out of it: the names in `KUMA_LAUNCHER_SET`,
 * that one included. Children get the environment the user gave. To be called before anything is started.
 */
export function forgetLauncherVariables(env: Record<string, string | undefined>): void {
  for (const name of (env.KUMA_LAUNCHER_SET ?? '').split(' ')) if (name !== '') delete env[name];
  delete env.KUMA_LAUNCHER_SET;
}
