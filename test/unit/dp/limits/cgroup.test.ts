import { describe, expect, test } from 'vitest';
import { readCgroupLimits } from '../../../../src/dp/limits/cgroup.ts';

const GIB = 1024 ** 3;
const MIB = 1024 ** 2;

const V2_MOUNT = '30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate';
const V1_MEMORY = '36 31 0:33 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory';
const V1_CPU = '37 31 0:34 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct';

describe('version 2', () => {
  const self = {
    '/proc/self/mountinfo': V2_MOUNT,
    '/proc/self/cgroup': '0::/system.slice/kuma-dp@web.service\n',
  };

  test('the limit of the unit, MemoryMax= of systemd, is found with the file that says so', () => {
    expect(
      read({ ...self, '/sys/fs/cgroup/system.slice/kuma-dp@web.service/memory.max': `${256 * MIB}\n` })
        .memory,
    ).toEqual({ bytes: 256 * MIB, source: '/sys/fs/cgroup/system.slice/kuma-dp@web.service/memory.max' });
  });

  test('the smallest limit on the way up wins, be it of the slice', () => {
    const { memory } = read({
      ...self,
      '/sys/fs/cgroup/system.slice/kuma-dp@web.service/memory.max': `${2 * GIB}\n`,
      '/sys/fs/cgroup/system.slice/memory.max': `${1 * GIB}\n`,
      '/sys/fs/cgroup/memory.max': 'max\n',
    });
    expect(memory).toEqual({ bytes: GIB, source: '/sys/fs/cgroup/system.slice/memory.max' });
  });

  test('"max" and the size of the machine limit nothing', () => {
    const { memory } = read({
      ...self,
      '/sys/fs/cgroup/system.slice/kuma-dp@web.service/memory.max': 'max\n',
      '/sys/fs/cgroup/system.slice/memory.max': `${64 * GIB}\n`,
    });
    expect(memory).toBeUndefined();
  });

  test('the smallest CPU quota on the way up wins', () => {
    const { cpus } = read({
      ...self,
      '/sys/fs/cgroup/system.slice/kuma-dp@web.service/cpu.max': 'max 100000\n',
      '/sys/fs/cgroup/system.slice/cpu.max': '150000 100000\n',
      '/sys/fs/cgroup/cpu.max': '800000 100000\n',
    });
    expect(cpus).toBe(1.5);
  });

  test('in a container that sees its own group as the top, the top is read', () => {
    const { memory } = read({
      '/proc/self/mountinfo': '30 23 0:26 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup2 rw',
      '/proc/self/cgroup': '0::/docker/abc\n',
      '/sys/fs/cgroup/memory.max': `${512 * MIB}\n`,
    });
    expect(memory?.bytes).toBe(512 * MIB);
  });

  test('a group outside of what is mounted leaves the top', () => {
    const { memory } = read({
      '/proc/self/mountinfo': V2_MOUNT,
      '/proc/self/cgroup': '0::/../../other\n',
      '/sys/fs/cgroup/memory.max': `${512 * MIB}\n`,
    });
    expect(memory?.bytes).toBe(512 * MIB);
  });
});

describe('version 1', () => {
  const self = {
    '/proc/self/mountinfo': `${V1_MEMORY}\n${V1_CPU}\n`,
    '/proc/self/cgroup': '4:memory:/apps/web\n3:cpu,cpuacct:/apps\n1:name=systemd:/\n',
  };

  test('limits of the group and of those above it count', () => {
    const { memory, cpus } = read({
      ...self,
      '/sys/fs/cgroup/memory/apps/web/memory.limit_in_bytes': `${1 * GIB}\n`,
      '/sys/fs/cgroup/memory/apps/memory.limit_in_bytes': `${300 * MIB}\n`,
      '/sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
      '/sys/fs/cgroup/cpu,cpuacct/apps/cpu.cfs_quota_us': '50000\n',
      '/sys/fs/cgroup/cpu,cpuacct/apps/cpu.cfs_period_us': '100000\n',
      '/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '-1\n',
      '/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us': '100000\n',
    });
    expect(memory).toEqual({
      bytes: 300 * MIB,
      source: '/sys/fs/cgroup/memory/apps/memory.limit_in_bytes',
    });
    expect(cpus).toBe(0.5);
  });

  test('beside an unused version 2 tree the limits of version 1 are found', () => {
    const { memory } = read({
      '/proc/self/mountinfo': `${V1_MEMORY}\n${V2_MOUNT.replace('/sys/fs/cgroup', '/sys/fs/cgroup/unified')}`,
      '/proc/self/cgroup': '4:memory:/a\n0::/\n',
      '/sys/fs/cgroup/memory/a/memory.limit_in_bytes': `${100 * MIB}\n`,
    });
    expect(memory?.bytes).toBe(100 * MIB);
  });
});

test('where there is no /proc nothing is limited', () => {
  expect(read({})).toEqual({ memory: undefined, cpus: undefined });
});

function read(files: Readonly<Record<string, string>>) {
  return readCgroupLimits((path) => files[path], 16 * GIB);
}
