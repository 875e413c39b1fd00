import { type Given, givenOf } from '../../control-planes/given.ts';
import { type Check, error, healthy, ill, warning } from '../check.ts';

function describeGiven(given: Given): string {
  return given.kind === 'url' ? given.url.origin : `srv:${given.name}`;
}

export const settingsCheck: Check = {
  name: 'settings',
  run: ({ config, violations, warnings }) => {
    const findings = [
      ...violations.map(({ field, message }) => error(`${field}: ${message}`, `correct ${field}`)),
      ...warnings.map((text) => warning(text, 'take the setting away or give it another value')),
    ];
    const seen =
      config === undefined
        ? 'unusable; what depends on them is not looked at'
        : `control plane ${givenOf(config.controlPlane).map(describeGiven).join(', ')}, run directory ${config.runDir}`;
    return Promise.resolve(findings.length === 0 ? healthy(seen) : ill(seen, ...findings));
  },
};
