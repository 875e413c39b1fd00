import { hasRoomForSharedMemory, isSharedMemoryWritable } from '../../hot-restart/shared-memory.ts';
import { type Check, type Diagnosis, healthy, ill, warning } from '../check.ts';

/** Envoys that hand over to each other meet in shared memory. */
export const sharedMemoryCheck: Check = {
  name: 'shared-memory',
  run: ({ shmDir }) => Promise.resolve(judge(shmDir)),
};

function judge(dir: string): Diagnosis {
  if (!isSharedMemoryWritable(dir))
    return ill(
      dir,
      warning(
        `${dir} cannot be written: hot restart is off, and an upgrade of Envoy drops connections`,
        `mount -t tmpfs -o mode=1777 tmpfs ${dir}; in a container: --tmpfs ${dir}:rw,mode=1777`,
      ),
    );
  if (!hasRoomForSharedMemory(dir))
    return ill(
      dir,
      warning(
        `${dir} is full: hot restart is off for proxies that start now, and an upgrade of Envoy drops their connections`,
        `df -h ${dir}; make room, or in a container: --shm-size`,
      ),
    );
  return healthy(`${dir} can be written`);
}
