import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { describePortHolder, isPortFree } from '../../../src/lib/port-holder.ts';

test('a taken port is named with the process that has it, a free one is free', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  expect(await isPortFree(port, '127.0.0.1')).toBe(false);
  expect(describePortHolder(port)).toMatch(new RegExp(`^process ${process.pid}: .*node`));
  await new Promise((resolve) => server.close(resolve));
  expect(await isPortFree(port, '127.0.0.1')).toBe(true);
  expect(describePortHolder(port)).toBeUndefined();
});
