/** Why a token cannot be sent to these control planes: in clear text it may not leave the host. Ends "SETTING ". */
export function describeClearText(urls: readonly URL[]): readonly string[] {
  return urls
    .filter((url) => url.protocol !== 'https:' && !isLoopback(url.hostname))
    .map((url) => `is not sent to ${url.origin} over plain HTTP; use https`);
}

/** Whether what goes there stays on this host; an IPv6 address may be in brackets. */
export function isLoopback(host: string): boolean {
  return /^(localhost|127\.[\d.]+|\[::1\]|::1)$/.test(host);
}
