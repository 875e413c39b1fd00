import { createHash } from 'node:crypto';
import { isIPv6 } from 'node:net';

/** Every Envoy resource name that users, metrics and the agent see is built here, Kuma's way. */

export function inboundListener(address: string, port: number): string {
  return `inbound:${hostPort(address, port)}`;
}

export function outboundListener(address: string, port: number): string {
  return `outbound:${hostPort(address, port)}`;
}

/** Cluster of the application beside the proxy; agents read the port from it. */
export function localCluster(servicePort: number): string {
  return `localhost:${servicePort}`;
}

/**
 * Cluster of a destination: the service's name, or for a subset the name with a hash of all its tags, the service
 * tag among them. The same tags give the same name, in whatever order they were written.
 */
export function destinationCluster(service: string, tags: Readonly<Record<string, string>>): string {
  const entries = Object.entries(tags);
  if (entries.length <= 1) return service;
  const text = JSON.stringify(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
  return `${service}-${createHash('sha256').update(text).digest('hex').slice(0, 16)}`;
}

/** Route configuration of an HTTP listener; `destination` is the cluster name its outbound asks for. */
export function outboundRoute(destination: string): string {
  return `outbound:${destination}`;
}

export function inboundRoute(service: string): string {
  return `inbound:${service}`;
}

/** Envoy splits statistics at dots and colons; neither may come from a name. */
export function statPrefix(name: string): string {
  return name.replaceAll(/[.:]/g, '_');
}

function hostPort(address: string, port: number): string {
  return isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
}
