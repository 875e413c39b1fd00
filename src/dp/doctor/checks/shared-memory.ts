import { isSharedMemoryWritable } from '../../hot-restart/shared-memory.ts';
import { type Check, healthy, ill, warning } from '../check.ts';

/** Envoys that hand over to each other meet in shared memory. */
export const sharedMemoryCheck: Check = {
  name: 'shared-memory',
  run: ({ shmDir }) =>
    Promise.resolve(
      isSharedMemoryWritable(shmDir)
        ? healthy(`${shmDir} can be written`)
        : ill(
            shmDir,
            warning(
              `${shmDir} cannot be written: hot restart is off, and an upgrade of Envoy drops connections`,
              `mount -t tmpfs -o mode=1777 tmpfs ${shmDir}; in a container: --tmpfs ${shmDir}:rw,mode=1777`,
            ),
          ),
    ),
};
