export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Where a service finds another one: RATINGS_HOSTNAME and RATINGS_SERVICE_PORT, or RATINGS_PORT as older images call
 * it. SERVICES_DOMAIN is added to the host name with a dot. Returns `http://host:port`.
 */
export function upstreamUrl(env: Environment, service: 'details' | 'ratings' | 'reviews'): string {
  const prefix = service.toUpperCase();
  const host = env[`${prefix}_HOSTNAME`] || service;
  const domain = env.SERVICES_DOMAIN ? `.${env.SERVICES_DOMAIN}` : '';
  const port = env[`${prefix}_SERVICE_PORT`] || env[`${prefix}_PORT`] || '9080';
  return `http://${host}${domain}:${port}`;
}

/** A whole number of a variable, or the default when it is not set. */
export function wholeNumber(env: Environment, name: string, fallback: number): number {
  const value = env[name];
  if (value === undefined || value === '') return fallback;
  if (!/^\d+$/.test(value)) throw new Error(`${name} must be a whole number, got "${value}"`);
  return Number(value);
}
