/** This process does nothing for so long, as on a host that is suspended: no timer, no socket. */
export function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
