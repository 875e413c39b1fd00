import { main } from '../dp/main.ts';
import { exit } from '../lib/exit.ts';
import { forgetLauncherVariables } from '../lib/launcher-environment.ts';

forgetLauncherVariables(process.env);

main({
  argv: process.argv.slice(2),
  env: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  signals: process,
}).then(exit, (error: unknown) => {
  console.error(error);
  exit(1);
});
