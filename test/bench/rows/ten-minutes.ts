import type { Row } from '../row.ts';
import { measureUnderLoad } from '../support/agent-load.ts';

/** As `agent-load`, for ten minutes each: what grows with time shows. */
export const row: Row = { name: 'ten-minutes-of-load', long: true, run: () => measureUnderLoad(600) };
