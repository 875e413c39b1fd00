import type { Check } from './check.ts';
import { agentsCheck } from './checks/agents.ts';
import { controlPlaneCheck } from './checks/control-plane.ts';
import { directoriesCheck } from './checks/directories.ts';
import { envoyCheck } from './checks/envoy.ts';
import { leftoversCheck } from './checks/leftovers.ts';
import { limitsCheck } from './checks/limits.ts';
import { portsCheck } from './checks/ports.ts';
import { resolverCheck } from './checks/resolver.ts';
import { settingsCheck } from './checks/settings.ts';
import { sharedMemoryCheck } from './checks/shared-memory.ts';
import { tokenCheck } from './checks/token.ts';

/** In the order of the output: from what a start needs first to what runs already. */
export const CHECKS: readonly Check[] = [
  settingsCheck,
  envoyCheck,
  directoriesCheck,
  sharedMemoryCheck,
  limitsCheck,
  resolverCheck,
  controlPlaneCheck,
  tokenCheck,
  portsCheck,
  agentsCheck,
  leftoversCheck,
];
