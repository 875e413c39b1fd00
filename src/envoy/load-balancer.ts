import {
  Cluster_LbPolicy,
  Cluster_RingHashLbConfig_HashFunction,
} from '../proto/gen/envoy/config/cluster/v3/cluster_pb.js';

/** At most one field; none is round robin. */
export interface LoadBalancer {
  readonly roundRobin?: object;
  readonly leastRequest?: { readonly choiceCount?: number };
  readonly ringHash?: {
    /** `XX_HASH` or `MURMUR_HASH_2`. */
    readonly hashFunction?: string;
    readonly minRingSize?: number;
    readonly maxRingSize?: number;
  };
  readonly random?: object;
  readonly maglev?: object;
}

export function loadBalancerFields(lb: LoadBalancer) {
  if (lb.random !== undefined) return { lbPolicy: Cluster_LbPolicy.RANDOM };
  if (lb.maglev !== undefined) return { lbPolicy: Cluster_LbPolicy.MAGLEV };
  if (lb.leastRequest !== undefined) {
    const { choiceCount } = lb.leastRequest;
    return {
      lbPolicy: Cluster_LbPolicy.LEAST_REQUEST,
      lbConfig: {
        case: 'leastRequestLbConfig' as const,
        // Envoy refuses fewer than two choices.
        value: choiceCount === undefined ? {} : { choiceCount: Math.max(2, choiceCount) },
      },
    };
  }
  if (lb.ringHash !== undefined)
    return { lbPolicy: Cluster_LbPolicy.RING_HASH, lbConfig: ringHash(lb.ringHash) };
  return { lbPolicy: Cluster_LbPolicy.ROUND_ROBIN };
}

function ringHash({ hashFunction, minRingSize, maxRingSize }: NonNullable<LoadBalancer['ringHash']>) {
  return {
    case: 'ringHashLbConfig' as const,
    value: {
      hashFunction:
        hashFunction === 'MURMUR_HASH_2'
          ? Cluster_RingHashLbConfig_HashFunction.MURMUR_HASH_2
          : Cluster_RingHashLbConfig_HashFunction.XX_HASH,
      ...(minRingSize === undefined ? {} : { minimumRingSize: BigInt(minRingSize) }),
      ...(maxRingSize === undefined ? {} : { maximumRingSize: BigInt(maxRingSize) }),
    },
  };
}
