import { buildInfo } from '../../lib/build-info.ts';
import type { JsonObject } from '../../lib/json.ts';
import { messageOf } from '../errors.ts';
import { toPrintable } from '../output/printable.ts';
import type { ControlPlaneClient } from './control-plane-client.ts';

/** The check is a courtesy: it never holds a command up for longer. */
const CHECK_TIMEOUT_MS = 5_000;

/** Compares versions with the control plane; the warning to print, or undefined when they agree. */
export async function checkVersion(
  client: ControlPlaneClient,
  timeoutMs: number,
): Promise<string | undefined> {
  try {
    const { product, version } = readProduct(await client.index(Math.min(timeoutMs, CHECK_TIMEOUT_MS)));
    if (version === buildInfo.version) return undefined;
    return `WARNING: You are using kumactl version ${buildInfo.version} for Kuma, but the server returned version: ${product} ${version}`;
  } catch (error) {
    return `WARNING: Failed to retrieve server version, can't check compatibility: ${messageOf(error)}`;
  }
}

/** From `GET /`: `product` today, `tagline` in 0.1. Throws when the answer is not one of Kuma. */
export function readProduct(index: JsonObject): { readonly product: string; readonly version: string } {
  const product = index.product ?? index.tagline;
  if (product !== 'Kuma' || typeof index.version !== 'string')
    throw new Error('what answers there is not Kuma');
  return { product, version: toPrintable(index.version) };
}
