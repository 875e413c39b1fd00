import { readdirSync, readFileSync } from 'node:fs';

/**
 * Whether anybody of a process group lives. The dead that nobody reaped do not count: in a container without an init they
 * stay for ever. Where there is no /proc the kernel's word is taken, which counts them.
 */
export function isGroupAlive(group: number): boolean {
  try {
    process.kill(-group, 0);
  } catch {
    return false;
  }
  return process.platform !== 'linux' || listPids().some((pid) => isLivingMember(pid, group));
}

function listPids(): readonly string[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name));
}

function isLivingMember(pid: string, group: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // After the command's name, which may hold anything: state, parent, group.
    const [state = '', , member] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return Number(member) === group && !'ZX'.includes(state);
  } catch {
    return false;
  }
}
