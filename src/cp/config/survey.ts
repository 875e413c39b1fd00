import { isJsonObject, type JsonObject } from '../../lib/json.ts';
import type { Violation } from '../../lib/violations.ts';
import type { Settings } from '../../settings/declare.ts';
import type { ConfigFile } from './file.ts';
import { NO_EFFECT } from './no-effect.ts';

/**
 * Looks for what was written and will not be obeyed: keys and variables that nothing reads. A typing error in a
 * configuration must not pass in silence, and must not keep a control plane from starting either.
 */
export interface Survey {
  readonly warnings: readonly string[];
  readonly violations: readonly Violation[];
}

export function surveyFile(settings: Settings, file: ConfigFile): Survey {
  const known = new Set(Object.values(settings).flatMap(({ key, olderKeys }) => [key, ...(olderKeys ?? [])]));
  const sections = new Set([...known, ...NO_EFFECT.keys()].flatMap(parents));
  const warnings: string[] = [];
  const violations: Violation[] = [];

  const visit = (object: JsonObject, above: readonly string[]): void => {
    for (const [name, value] of Object.entries(object)) {
      const path = [...above, name];
      const key = path.join('.');
      if (known.has(key)) continue;
      const where = at(file, path);
      const reason = NO_EFFECT.get(key);
      if (reason !== undefined) warnings.push(`${where}: has no effect: ${reason}`);
      else if (!sections.has(key)) warnings.push(`${where}: unknown key, ignored`);
      else if (isJsonObject(value)) visit(value, path);
      else if (value !== null)
        violations.push({ field: where, message: 'must hold further keys, not a value' });
    }
  };
  visit(file.content, []);
  return { warnings, violations };
}

/** `kuma-cp.conf:7: apiServer.port` */
export function at(file: ConfigFile, path: readonly string[]): string {
  const line = file.lineOf(path);
  return `${file.path}${line === undefined ? '' : `:${line}`}: ${path.join('.')}`;
}

/** Variables of the control plane's own sections only: the agent's and other programs' are none of its business. */
export function surveyVariables(
  settings: Settings,
  env: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  const known = new Set(Object.values(settings).flatMap((setting) => setting.env ?? []));
  const sections = new Set(
    [...Object.values(settings)].map(({ key }) => toVariable(key.split('.')[0] ?? key)),
  );
  const warnings: string[] = [];
  for (const name of Object.keys(env).sort()) {
    if (!name.startsWith('KUMA_') || known.has(name) || (env[name] ?? '') === '') continue;
    const idle = [...NO_EFFECT].find(([key]) => within(name, toVariable(key)));
    if (idle !== undefined) warnings.push(`${name}: has no effect: ${idle[1]}`);
    else if ([...sections].some((section) => within(name, section)))
      warnings.push(`${name}: unknown variable, ignored`);
  }
  return warnings;
}

function within(name: string, section: string): boolean {
  return name === section || name.startsWith(`${section}_`);
}

/** `dnsServer.serviceVipPort` → `KUMA_DNS_SERVER_SERVICE_VIP_PORT`. */
function toVariable(key: string): string {
  const words = key.split('.').map((part) => part.replace(/([a-z])([A-Z])/g, '$1_$2').toUpperCase());
  return `KUMA_${words.join('_')}`;
}

function parents(key: string): readonly string[] {
  const parts = key.split('.');
  return parts.slice(1).map((_, i) => parts.slice(0, i + 1).join('.'));
}
