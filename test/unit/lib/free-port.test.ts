import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { isPortFree } from '../../../src/lib/free-port.ts';
import { allocatePort } from '../../support/ports.ts';

test('a port is free until somebody listens on its address, and again afterwards', async () => {
  const port = await allocatePort();
  expect(await isPortFree(port, '127.0.0.1')).toBe(true);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  expect(await isPortFree(port, '127.0.0.1')).toBe(false);
  await new Promise((resolve) => server.close(resolve));
  expect(await isPortFree(port, '127.0.0.1')).toBe(true);
});
