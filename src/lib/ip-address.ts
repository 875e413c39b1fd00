import { isIP } from 'node:net';

/** Bytes of an address in network order as hex digits: 8 for IPv4, 32 for IPv6; undefined for what is no address. */
export function toHexAddress(text: string): string | undefined {
  const family = isIP(text);
  if (family === 4)
    return text
      .split('.')
      .map((part) => hex(Number(part), 2))
      .join('');
  if (family !== 6) return undefined;
  // The last four bytes may be written as an IPv4 address, and a scope may follow.
  const plain = (text.split('%')[0] ?? '').replace(/\d+\.\d+\.\d+\.\d+$/, (ipv4) => {
    const digits = toHexAddress(ipv4) ?? '';
    return `${digits.slice(0, 4)}:${digits.slice(4)}`;
  });
  const [head = '', tail] = plain.split('::').map((half) => half.split(':').filter((group) => group !== ''));
  const before = head === '' ? [] : head;
  const after = tail ?? [];
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0');
  return [...before, ...zeros, ...after].map((group) => hex(Number.parseInt(group, 16), 4)).join('');
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}
