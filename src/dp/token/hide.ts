/** Takes the token out of the environment, which every child would get a copy of. What was started before has one. */
export function hideToken(env: Record<string, string | undefined>): void {
  delete env.KUMA_DATAPLANE_RUNTIME_TOKEN;
}

/** What another program said, without the token it was told: that goes into no log, error or status. */
export function hideIn(text: string, token: string | undefined): string {
  return token === undefined || token === '' ? text : text.replaceAll(token, '(the token)');
}
