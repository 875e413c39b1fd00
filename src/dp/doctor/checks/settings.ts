import { type Check, error, healthy, ill, warning } from '../check.ts';

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
        : `control plane ${config.controlPlane.url.origin}, run directory ${config.runDir}`;
    return Promise.resolve(findings.length === 0 ? healthy(seen) : ill(seen, ...findings));
  },
};
