import { CliError } from '../errors.ts';
import type { ConfigContext, ControlPlane, KumactlConfig } from './config.ts';

/** The control plane that commands talk to, with the context it was found by. */
export interface Active {
  readonly controlPlane: ControlPlane;
  readonly context: ConfigContext;
}

/** Context `name`, or the current one. Throws with what to do when there is none. */
export function findActive(config: KumactlConfig, name = config.currentContext): Active {
  if (name === '') {
    throw new CliError(
      'config',
      'no control plane is active: choose one with "kumactl config control-planes switch --name NAME"',
    );
  }
  const context = config.contexts.find((c) => c.name === name);
  if (context === undefined) {
    const known = config.contexts.map((c) => c.name).join(', ') || 'none';
    throw new CliError('config', `there is no context with name "${name}"; known: ${known}`);
  }
  const controlPlane = config.controlPlanes.find((cp) => cp.name === context.controlPlane);
  if (controlPlane === undefined) {
    throw new CliError(
      'config',
      `context "${name}" names the control plane "${context.controlPlane}", which is not in the configuration`,
    );
  }
  return { controlPlane, context };
}

/** Adds (or with `overwrite` replaces) a control plane and makes it the active one, as 2.14 does. */
export function addControlPlane(
  config: KumactlConfig,
  controlPlane: ControlPlane,
  overwrite: boolean,
): KumactlConfig {
  const { name } = controlPlane;
  const exists =
    config.controlPlanes.some((cp) => cp.name === name) || config.contexts.some((c) => c.name === name);
  if (exists && !overwrite) {
    throw new CliError(
      'config',
      `Control Plane with name "${name}" already exists. Use --overwrite to replace an existing one.`,
    );
  }
  const kept = config.contexts.find((c) => c.name === name);
  return {
    ...config,
    controlPlanes: [...config.controlPlanes.filter((cp) => cp.name !== name), controlPlane],
    contexts: [...config.contexts.filter((c) => c.name !== name), { ...kept, name, controlPlane: name }],
    currentContext: name,
  };
}

/** Removes a control plane and its contexts; when it was the active one the first that is left becomes active. */
export function removeControlPlane(config: KumactlConfig, name: string): KumactlConfig {
  requireControlPlane(config, name);
  const contexts = config.contexts.filter((c) => c.controlPlane !== name);
  const stays = contexts.some((c) => c.name === config.currentContext);
  return {
    ...config,
    controlPlanes: config.controlPlanes.filter((cp) => cp.name !== name),
    contexts,
    currentContext: stays ? config.currentContext : (contexts[0]?.name ?? ''),
  };
}

export function switchControlPlane(config: KumactlConfig, name: string): KumactlConfig {
  requireControlPlane(config, name);
  const context =
    config.contexts.find((c) => c.name === name && c.controlPlane === name) ??
    config.contexts.find((c) => c.controlPlane === name);
  if (context !== undefined) return { ...config, currentContext: context.name };
  return { ...config, contexts: [...config.contexts, { name, controlPlane: name }], currentContext: name };
}

function requireControlPlane(config: KumactlConfig, name: string): void {
  if (!config.controlPlanes.some((cp) => cp.name === name)) {
    throw new CliError('config', `there is no Control Plane with name "${name}"`);
  }
}
