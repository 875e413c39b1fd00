/** Takes the token out of the environment, which every child would get a copy of. What was started before has one. */
export function hideToken(env: Record<string, string | undefined>): void {
  delete env.KUMA_DATAPLANE_RUNTIME_TOKEN;
}
