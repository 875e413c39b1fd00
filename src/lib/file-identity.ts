import { statSync } from 'node:fs';

/** Device, inode, size and time of change of the file behind a path; links are followed. '' when it cannot be looked at. */
export function identifyFile(path: string): string {
  try {
    const stat = statSync(path, { bigint: true });
    return [stat.dev, stat.ino, stat.size, stat.mtimeNs].join(':');
  } catch {
    return '';
  }
}
