import { formatDuration } from '../../../lib/duration.ts';
import { isJsonObject, type Json, type JsonObject } from '../../../lib/json.ts';
import { peekStat } from '../../../lib/peek.ts';
import type { ProxyIdentity } from '../../config/agent-config.ts';
import { type Check, error, type Finding, healthy, ill, skipped, warning } from '../check.ts';
import type { GivenTokenFile } from '../patient.ts';

/** Whether each token is one, is valid now, and is for its proxy. Only the control plane can check its signature. */
export const tokenCheck: Check = {
  name: 'token',
  run: ({ config, tokens, now }) => {
    if (config === undefined) return Promise.resolve(skipped('settings are unusable'));
    if (tokens.length === 0) return Promise.resolve(skipped('none is given (--dataplane-token-file)'));
    const findings = tokens.flatMap((given) => [...judgeFile(given.file), ...judgeToken(given, now())]);
    const seen = tokens.map((given) => `${given.file}${describeTime(given.reading, now())}`).join(', ');
    return Promise.resolve(findings.length === 0 ? healthy(seen) : ill(seen, ...findings));
  },
};

const LEAST_LEFT_MS = 600_000;

function judgeFile(path: string): readonly Finding[] {
  const mode = peekStat(path)?.mode ?? 0;
  return (mode & 0o077) === 0 || (mode & 0o170000) !== 0o100000
    ? []
    : [warning(`${path} can be read by others (mode ${(mode & 0o777).toString(8)})`, `chmod 600 ${path}`)];
}

function judgeToken({ file, reading, proxies }: GivenTokenFile, nowMs: number): readonly Finding[] {
  const [only] = proxies.length === 1 ? proxies : [];
  const whose = `--mesh ${only?.mesh ?? 'MESH'} --name ${only?.name || 'NAME'}`;
  const mend = `kumactl generate dataplane-token ${whose} --valid-for 720h > ${file}  # of a kuma-cp that asks for tokens; this package's does not yet`;
  if (!reading.ok) return [error(`${file} ${reading.problem}`, mend)];
  const claims = readClaims(reading.token);
  if (claims === undefined)
    return [error(`${file} holds no token: it is not three parts of base64 with points between`, mend)];
  return [
    ...judgeTime(claims, nowMs).map((what) => error(what, mend)),
    ...judgeRest(claims, nowMs).map((what) => warning(what, mend)),
    ...proxies.flatMap((proxy) => judgeBinding(claims, proxy)).map((what) => error(what, mend)),
  ];
}

function judgeTime({ exp, nbf }: JsonObject, nowMs: number): readonly string[] {
  if (typeof exp === 'number' && exp * 1000 <= nowMs)
    return [`the token expired ${formatDuration(round(nowMs - exp * 1000))} ago`];
  if (typeof nbf === 'number' && nbf * 1000 > nowMs)
    return [
      `the token is valid only in ${formatDuration(round(nbf * 1000 - nowMs))}: made in the future, or this clock is behind`,
    ];
  return [];
}

/** A tenth of its life is left, or ten minutes. */
function judgeRest({ exp, iat }: JsonObject, nowMs: number): readonly string[] {
  if (typeof exp !== 'number' || exp * 1000 <= nowMs) return [];
  const lifeMs = typeof iat === 'number' ? (exp - iat) * 1000 : 0;
  const leftMs = exp * 1000 - nowMs;
  return leftMs < Math.max(lifeMs / 10, LEAST_LEFT_MS)
    ? [`the token expires in ${formatDuration(round(leftMs))}`]
    : [];
}

/** Claims that are absent or empty bind nothing. */
function judgeBinding(claims: JsonObject, proxy: ProxyIdentity): readonly string[] {
  const { Name: name, Mesh: mesh, Type: type, Tags: tags } = claims;
  const problems: string[] = [];
  if (proxy.name !== '' && typeof name === 'string' && name !== '' && name !== proxy.name)
    problems.push(`the token is for the proxy "${name}", this one is "${proxy.name}"`);
  if (typeof mesh === 'string' && mesh !== '' && mesh !== proxy.mesh)
    problems.push(`the token is for the mesh "${mesh}", this proxy is in "${proxy.mesh}"`);
  if (typeof type === 'string' && type !== '' && type !== proxy.proxyType)
    problems.push(`the token is for a proxy of type "${type}", this one is a ${proxy.proxyType}`);
  if (isJsonObject(tags) && proxy.resource !== undefined)
    problems.push(...judgeTags(tags, JSON.parse(proxy.resource) as JsonObject));
  return problems;
}

/** For each tag of the token the Dataplane must have that tag, with no other values. */
function judgeTags(allowed: JsonObject, dataplane: JsonObject): readonly string[] {
  const networking = isJsonObject(dataplane.networking) ? dataplane.networking : {};
  const inbounds = Array.isArray(networking.inbound) ? networking.inbound.filter(isJsonObject) : [];
  return Object.entries(allowed).flatMap(([tag, values]) => {
    const permitted = Array.isArray(values) ? values.map(String) : [String(values)];
    const used = inbounds.flatMap(({ tags }) => valuesOf(tags, tag));
    const foreign = used.filter((value) => !permitted.includes(value));
    if (used.length === 0) return [`the token wants the tag ${tag}, which no inbound has`];
    return foreign.length === 0
      ? []
      : [`the token allows ${tag}=${permitted.join('|')}, an inbound has ${foreign.join(', ')}`];
  });
}

/** The 0.1 dialect leaves the prefix of the tags out. */
function valuesOf(tags: Json | undefined, tag: string): readonly string[] {
  if (!isJsonObject(tags)) return [];
  const value = tags[tag] ?? tags[tag.replace(/^kuma\.io\//, '')];
  return value === undefined ? [] : [String(value)];
}

function readClaims(token: string): JsonObject | undefined {
  const parts = token.split('.');
  if (parts.length !== 3) return undefined;
  try {
    const [header, payload] = parts
      .slice(0, 2)
      .map((part): unknown => JSON.parse(Buffer.from(part, 'base64url').toString('utf8')));
    return isJsonObject(header) && isJsonObject(payload) ? payload : undefined;
  } catch {
    return undefined;
  }
}

function describeTime(reading: GivenTokenFile['reading'], nowMs: number): string {
  const { exp } = (reading.ok ? readClaims(reading.token) : undefined) ?? {};
  return typeof exp === 'number' && exp * 1000 > nowMs
    ? `, valid for ${formatDuration(round(exp * 1000 - nowMs))}`
    : '';
}

function round(ms: number): number {
  return Math.round(ms / 1000) * 1000;
}
