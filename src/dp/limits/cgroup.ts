/**
 * What the kernel allows this process: limits of its control group and of all groups above it, in version 1, version 2
 * and the mix of both. systemd's MemoryMax= and CPUQuota= and the limits of containers are such groups.
 */
export interface CgroupLimits {
  /** Smallest limit on the way up; undefined: none. */
  readonly memory: MemoryLimit | undefined;
  /** Smallest quota on the way up, in CPUs, may be a fraction; undefined: none. */
  readonly cpus: number | undefined;
}

export interface MemoryLimit {
  readonly bytes: number;
  /** The file that says so. */
  readonly source: string;
}

/** Text of a file; undefined when it cannot be read. */
export type ReadText = (path: string) => string | undefined;

/** A limit of the machine's own size or more limits nothing. */
export function readCgroupLimits(readText: ReadText, machineBytes: number): CgroupLimits {
  const memory = levelsOf('memory', readText)
    .flatMap((dir) => readMemory(dir, readText))
    .filter(({ bytes }) => bytes < machineBytes);
  const quotas = levelsOf('cpu', readText).flatMap((dir) => readQuota(dir, readText));
  return {
    memory: memory.toSorted((a, b) => a.bytes - b.bytes)[0],
    cpus: quotas.length === 0 ? undefined : Math.min(...quotas),
  };
}

function readMemory(dir: string, readText: ReadText): readonly MemoryLimit[] {
  return ['memory.max', 'memory.limit_in_bytes'].flatMap((file) => {
    const source = `${dir}/${file}`;
    const bytes = toNumber(readText(source));
    return bytes === undefined || bytes <= 0 ? [] : [{ bytes, source }];
  });
}

/** Version 2 writes `QUOTA PERIOD`, or `max PERIOD`; version 1 a file for each, and -1 for none. */
function readQuota(dir: string, readText: ReadText): readonly number[] {
  const [quota2, period2] = readText(`${dir}/cpu.max`)?.trim().split(' ') ?? [];
  const quota = toNumber(quota2 ?? readText(`${dir}/cpu.cfs_quota_us`));
  const period = toNumber(period2 ?? readText(`${dir}/cpu.cfs_period_us`));
  return quota === undefined || period === undefined || quota <= 0 || period <= 0 ? [] : [quota / period];
}

/** Directories of this process's group and of those above it, for every mounted hierarchy with that controller. */
function levelsOf(controller: string, readText: ReadText): readonly string[] {
  const mounts = parseMounts(readText('/proc/self/mountinfo') ?? '');
  return (readText('/proc/self/cgroup') ?? '').split('\n').flatMap((line) => {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (controllers === undefined || path === undefined) return [];
    const mount = mounts.find((m) =>
      controllers === ''
        ? m.type === 'cgroup2'
        : m.type === 'cgroup' &&
          m.options.includes(controller) &&
          controllers.split(',').includes(controller),
    );
    return mount === undefined ? [] : climb(mount, path);
  });
}

interface Mount {
  /** The group that is seen at the mount point. */
  readonly root: string;
  readonly point: string;
  readonly type: string;
  readonly options: readonly string[];
}

/** proc_pid_mountinfo(5): ID PARENT DEVICE ROOT POINT OPTIONS [FIELDS…] - TYPE SOURCE OPTIONS. */
function parseMounts(text: string): readonly Mount[] {
  return text.split('\n').flatMap((line) => {
    const [left = '', right] = line.split(' - ');
    const [, , , root = '', point = ''] = left.split(' ');
    const [type = '', , options = ''] = right?.split(' ') ?? [];
    return type.startsWith('cgroup')
      ? [{ root: unescapeOctal(root), point: unescapeOctal(point), type, options: options.split(',') }]
      : [];
  });
}

/** A container may see its own group as the top; a path outside of what is mounted leaves only the top. */
function climb({ root, point }: Mount, path: string): readonly string[] {
  const inside = root === '/' || path === root || path.startsWith(`${root}/`);
  const relative = !inside || path.includes('/..') ? '' : path.slice(root === '/' ? 0 : root.length);
  const parts = relative.split('/').filter((part) => part !== '');
  return [...parts.map((_part, i) => [point, ...parts.slice(0, parts.length - i)].join('/')), point];
}

function unescapeOctal(text: string): string {
  return text.replace(/\\(\d{3})/g, (_all, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/** undefined for `max`, a missing file and anything that is no number. */
function toNumber(text: string | undefined): number | undefined {
  const trimmed = text?.trim() ?? '';
  return /^-?\d+$/.test(trimmed) ? Number(trimmed) : undefined;
}
