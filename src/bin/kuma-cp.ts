import { runKumaCp } from '../cp/program.ts';
import { createLogSink } from '../lib/log-sink.ts';

const stop = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  // The first asks for a good end; the second is for those in a hurry.
  process.on(signal, () => (stop.signal.aborted ? process.exit(130) : stop.abort()));
}
// Node would open its debugger on loopback, to all users of the host, and with it tokens and keys.
process.on('SIGUSR1', () => {});
// A reader of the log that is slow, stuck or gone costs lines, never the control plane.
const err = createLogSink(process.stderr);
const out = createLogSink(process.stdout);
void runKumaCp(process.argv.slice(2), {
  env: process.env,
  out: (text) => out.write(text),
  err: (text) => err.write(text),
  stop: stop.signal,
}).then((exitCode) => {
  process.exitCode = exitCode;
});
