import type { Violation } from '../../lib/violations.ts';
import type { Origins } from './resolve.ts';
import { type ControlPlaneValues, controlPlaneSettings } from './settings.ts';

type Name = keyof ControlPlaneValues;

/** What is wrong with values that are right one by one. Takes resolved values. */
export function checkValues(values: ControlPlaneValues, origins: Origins): readonly Violation[] {
  const say = (name: Name): string =>
    origins[name] === 'default' ? controlPlaneSettings[name].key : origins[name];
  return [...checkTls(values, say), ...checkLifecycle(values, say), ...checkPorts(values, say)];
}

type Say = (name: Name) => string;

function checkTls({ tlsCertFile, tlsKeyFile }: ControlPlaneValues, say: Say): readonly Violation[] {
  if ((tlsCertFile === '') === (tlsKeyFile === '')) return [];
  const [given, missing] =
    tlsCertFile === '' ? (['tlsKeyFile', 'tlsCertFile'] as const) : (['tlsCertFile', 'tlsKeyFile'] as const);
  return [{ field: say(given), message: `needs ${controlPlaneSettings[missing].key} beside it` }];
}

function checkLifecycle({ lease, graceAfterStreamLoss }: ControlPlaneValues, say: Say): readonly Violation[] {
  if (graceAfterStreamLoss < lease) return [];
  return [{ field: say('graceAfterStreamLoss'), message: 'must be shorter than dpServer.lifecycle.lease' }];
}

interface Socket {
  readonly name: Name;
  readonly enabled: boolean;
  readonly address: string;
  readonly port: number;
}

/** Two servers may not want the same port; only the bootstrap and REST over TLS know how to share one. */
function checkPorts(v: ControlPlaneValues, say: Say): readonly Violation[] {
  const all: readonly Socket[] = [
    { name: 'dpServerPort', enabled: true, address: v.dpServerInterface, port: v.dpServerPort },
    { name: 'diagnosticsPort', enabled: true, address: v.diagnosticsInterface, port: v.diagnosticsPort },
    { name: 'httpPort', enabled: v.httpEnabled, address: v.httpInterface, port: v.httpPort },
    { name: 'httpsPort', enabled: v.httpsEnabled, address: v.httpsInterface, port: v.httpsPort },
    {
      name: 'bootstrapPort',
      enabled: v.bootstrapEnabled,
      address: v.bootstrapInterface,
      port: v.bootstrapPort,
    },
  ];
  const open = all.filter(({ enabled, port }) => enabled && port !== 0);
  return open.flatMap((socket, i) =>
    open
      .slice(0, i)
      .filter((other) => clash(socket, other))
      .map((other) => ({
        field: say(socket.name),
        message: `port ${socket.port} is that of ${say(other.name)} already`,
      })),
  );
}

function clash(a: Socket, b: Socket): boolean {
  if (a.port !== b.port) return false;
  if (a.address === b.address) return !(a.name === 'bootstrapPort' && b.name === 'httpsPort');
  return isWildcard(a.address) || isWildcard(b.address);
}

function isWildcard(address: string): boolean {
  return address === '0.0.0.0' || address === '::';
}
