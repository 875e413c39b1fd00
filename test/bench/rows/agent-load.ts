import type { Row } from '../row.ts';
import { measureUnderLoad } from '../support/agent-load.ts';

/** Agents while their Envoys serve: a minute alone, a minute with five more. */
export const row: Row = { name: 'agent-load', run: () => measureUnderLoad(60) };
