import type { ProxySnapshot, XdsResource } from '../../src/xds/resource.ts';
import { startAdsServer } from '../support/ads-server.ts';
import { assignment, edsCluster, listener, route, snapshotOf } from '../support/xds-resources.ts';

/**
 * The protocol server in a process of its own, with made-up configuration: COUNT proxies with CLUSTERS clusters each,
 * shared by all. Messages in: `change` sends a new assignment of cluster 0 to every proxy, `usage` asks for numbers.
 */
const count = Number(process.argv[2]);
const clusters = Number(process.argv[3]);

const server = await startAdsServer({ admission: { ratePerSecond: 2000, burst: 200 } });
const names = Array.from({ length: clusters }, (_, i) => `service-${i}`);
const shared: XdsResource[] = names.flatMap((name) => [
  edsCluster(name, 'c'.repeat(400)),
  assignment(name, 'e'.repeat(400)),
]);
shared.push(...names.map((name) => listener(`outbound:${name}`, { route: name, salt: 'l'.repeat(600) })));
shared.push(...names.map((name) => route(name, 'r'.repeat(200))));

let snapshot: ProxySnapshot = snapshotOf(shared);
let changes = 0;
for (let i = 0; i < count; i++) server.cache.set(`m.${i}`, snapshot);

process.on('message', (message) => {
  if (message === 'change') {
    const changed = assignment('service-0', String(++changes));
    snapshot = snapshotOf([...shared, changed], snapshot);
    process.send?.({ kind: 'changing', version: changed.version });
    for (let i = 0; i < count; i++) server.cache.set(`m.${i}`, snapshot);
  } else if (message === 'usage') {
    process.send?.({ kind: 'usage', rss: process.memoryUsage.rss(), cpu: process.cpuUsage() });
  }
});
process.on('disconnect', () => void server.stop().then(() => process.exit()));
process.send?.({ kind: 'ready', port: server.target.port });
