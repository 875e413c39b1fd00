import { runKumaCp } from '../cp/program.ts';

const stop = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  // The first asks for a good end; the second is for those in a hurry.
  process.on(signal, () => (stop.signal.aborted ? process.exit(130) : stop.abort()));
}
void runKumaCp(process.argv.slice(2), {
  env: process.env,
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  stop: stop.signal,
}).then((exitCode) => {
  process.exitCode = exitCode;
});
