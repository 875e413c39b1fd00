import { readdirSync, readFileSync } from 'node:fs';

/**
 * Whether anybody of a process group lives. The dead that nobody reaped do not count: in a container without an init they
 * stay for ever. Where /proc cannot be looked at the kernel's word is taken, which counts them.
 */
export function isGroupAlive(group: number): boolean {
  try {
    process.kill(-group, 0);
  } catch {
    return false;
  }
  const pids = listPids();
  return pids === undefined || pids.some((pid) => isLivingMember(pid, group));
}

/** The process group of a process; undefined when it is gone, or where there is no /proc. */
export function readGroup(pid: number): number | undefined {
  return readMember(String(pid))?.group;
}

/** undefined: there is no /proc, or no file descriptor to spare for it. */
function listPids(): readonly string[] | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return undefined;
  }
}

function isLivingMember(pid: string, group: number): boolean {
  const member = readMember(pid);
  return member?.group === group && !'ZX'.includes(member.state);
}

function readMember(pid: string): { readonly state: string; readonly group: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // After the command's name, which may hold anything: state, parent, group.
    const [state = '', , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state, group: Number(group) };
  } catch {
    return undefined;
  }
}
