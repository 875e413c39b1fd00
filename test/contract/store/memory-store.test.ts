import { createMemoryStore } from '../../../src/cp/store/memory/memory-store.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { describeStore } from './store-contract.ts';

describeStore('memory', async (now) => createMemoryStore({ clock: { ...systemClock, now } }));
