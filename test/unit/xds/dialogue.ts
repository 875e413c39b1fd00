import { createDeltaMachine, type DeltaRequest } from '../../../src/xds/delta.ts';
import type { StreamMachine, XdsResponse } from '../../../src/xds/machine.ts';
import type { ProxySnapshot } from '../../../src/xds/resource.ts';
import { createSotwMachine, type SotwRequest } from '../../../src/xds/sotw.ts';

/** A dialogue is written in short: `CDS: +a -b` for what a response carries, in the order of sending. */
export interface Dialogue<Request> {
  /** What is sent after this request. */
  ask(request: Partial<Request> & { typeUrl: string }): string[];
  /** What is sent after the cache changed. */
  update(snapshot: ProxySnapshot): string[];
  readonly machine: StreamMachine<Request>;
  readonly responses: readonly XdsResponse[];
}

export function deltaDialogue(snapshot: ProxySnapshot): Dialogue<DeltaRequest> {
  const empty = { subscribe: [], unsubscribe: [], initialVersions: new Map(), nonce: '', error: undefined };
  return dialogue(createDeltaMachine(), snapshot, (request) => ({ ...empty, ...request }));
}

export function sotwDialogue(snapshot: ProxySnapshot): Dialogue<SotwRequest> {
  const empty = { names: [], nonce: '', error: undefined };
  return dialogue(createSotwMachine(), snapshot, (request) => ({ ...empty, ...request }));
}

function dialogue<Request>(
  machine: StreamMachine<Request>,
  first: ProxySnapshot,
  complete: (request: Partial<Request> & { typeUrl: string }) => Request,
): Dialogue<Request> {
  let snapshot = first;
  const responses: XdsResponse[] = [];
  const drain = (): string[] => {
    const said: string[] = [];
    for (let response = machine.next(snapshot); response !== undefined; response = machine.next(snapshot)) {
      responses.push(response);
      said.push(describeResponse(response));
      if (said.length > 100) throw new Error(`the machine never stops: ${said.slice(-4).join(', ')}`);
    }
    return said;
  };
  return {
    machine,
    responses,
    ask(request) {
      machine.receive(complete(request));
      return drain();
    },
    update(next) {
      snapshot = next;
      return drain();
    },
  };
}

const SHORT: Readonly<Record<string, string>> = {
  Cluster: 'CDS',
  ClusterLoadAssignment: 'EDS',
  Listener: 'LDS',
  RouteConfiguration: 'RDS',
  Secret: 'SDS',
};

function describeResponse({ typeUrl, resources, removed }: XdsResponse): string {
  const type = SHORT[typeUrl.slice(typeUrl.lastIndexOf('.') + 1)] ?? typeUrl;
  const names = [
    ...resources.map(({ name }) => `+${name}`).sort(),
    ...removed.map((name) => `-${name}`).sort(),
  ];
  return `${type}: ${names.join(' ')}`.trimEnd();
}
