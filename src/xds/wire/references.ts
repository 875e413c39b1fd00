import { CLUSTER } from '../../envoy/type-urls.ts';
import type { XdsResource } from '../resource.ts';
import { readFields, readPath, text } from './wire.ts';

/** Field numbers of envoy.config.cluster.v3.Cluster. */
const CLUSTER_TYPE = 2;
const CLUSTER_EDS_CONFIG = 3;
const EDS_SERVICE_NAME = 2;
const TYPE_EDS = 3;

const known = new WeakMap<XdsResource, string>();

/**
 * The name of the ClusterLoadAssignment a cluster waits for while it warms, or undefined for a cluster that needs
 * none. The only look this folder takes into a resource; resources are shared, so each is read once.
 */
export function assignmentOf(cluster: XdsResource): string | undefined {
  if (cluster.typeUrl !== CLUSTER) return undefined;
  let name = known.get(cluster);
  if (name === undefined) {
    name = readAssignmentName(cluster);
    known.set(cluster, name);
  }
  return name === '' ? undefined : name;
}

function readAssignmentName(cluster: XdsResource): string {
  const [message] = readPath(cluster.any, [2]);
  if (message === undefined) return '';
  let isEds = false;
  let serviceName = '';
  for (const field of readFields(message)) {
    if (field.number === CLUSTER_TYPE) isEds = field.type === 'varint' && field.value === TYPE_EDS;
    if (field.number === CLUSTER_EDS_CONFIG && field.type === 'bytes') {
      for (const value of readPath(field.value, [EDS_SERVICE_NAME])) serviceName = text(value);
    }
  }
  if (!isEds) return '';
  return serviceName === '' ? cluster.name : serviceName;
}
