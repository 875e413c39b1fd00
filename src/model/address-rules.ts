import { isIP } from 'node:net';
import type { Notes } from './shape/notes.ts';

/** Where an application listens unless its Dataplane says otherwise, and where outbounds listen by default. */
export const LOOPBACK = '127.0.0.1';

const LABEL = /^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/;

/** A host name; one that ends in a number (`10.0.0.256`) is a broken IP address, not a name. */
export function isDomainName(text: string): boolean {
  const labels = text.replace(/\.$/, '').split('.');
  return (
    text.length <= 253 && labels.every((label) => LABEL.test(label)) && !/^\d+$/.test(labels.at(-1) ?? '')
  );
}

/** An address that peers dial. */
export function checkHost(address: string, field: string, notes: Notes): void {
  if (address === '') notes.violate(field, "address can't be empty");
  else if (isAnyAddress(address)) notes.violate(field, 'must not be 0.0.0.0 or ::');
  else if (isIP(address) === 0 && !isDomainName(address)) {
    notes.violate(field, 'address has to be valid IP address or domain name');
  }
}

/** An address that something binds. */
export function checkIp(address: string | undefined, field: string, notes: Notes): void {
  if (address === undefined) return;
  if (isAnyAddress(address)) notes.violate(field, 'must not be 0.0.0.0 or ::');
  else if (isIP(address) === 0) notes.violate(field, 'address has to be valid IP address');
}

export function checkPort(port: number, field: string, notes: Notes): void {
  if (port < 1 || port > 65_535) notes.violate(field, 'port must be in the range [1, 65535]');
}

function isAnyAddress(address: string): boolean {
  return address === '0.0.0.0' || address === '::';
}
