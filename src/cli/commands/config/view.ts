import type { ApiServer, KumactlConfig } from '../../config/config.ts';
import type { Output } from '../../context.ts';
import { toYaml } from '../../output/format.ts';

const HIDDEN = 'REDACTED';
const SECRET_HEADERS = /^(proxy-)?authorization$|cookie|token|secret|api-?key/i;

/** `kumactl config view`. Tokens are hidden unless `raw`: this is what people paste into a ticket. */
export async function viewConfig(stdout: Output, config: KumactlConfig, raw: boolean): Promise<void> {
  stdout.write(await toYaml(raw ? config : hideSecrets(config)));
}

function hideSecrets(config: KumactlConfig): KumactlConfig {
  return {
    ...config,
    controlPlanes: config.controlPlanes.map((controlPlane) => ({
      ...controlPlane,
      coordinates: {
        ...controlPlane.coordinates,
        apiServer: hideOfServer(controlPlane.coordinates.apiServer),
      },
    })),
  };
}

function hideOfServer(server: ApiServer): ApiServer {
  const { headers, authConf } = server;
  return {
    ...server,
    ...(headers
      ? { headers: headers.map((h) => (SECRET_HEADERS.test(h.key) ? { ...h, value: HIDDEN } : h)) }
      : {}),
    ...(authConf ? { authConf: Object.fromEntries(Object.keys(authConf).map((key) => [key, HIDDEN])) } : {}),
  };
}
