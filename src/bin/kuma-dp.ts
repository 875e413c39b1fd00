import { main } from '../dp/main.ts';
import { forgetLauncherVariables } from '../lib/launcher-environment.ts';

forgetLauncherVariables(process.env);

main({
  argv: process.argv.slice(2),
  env: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  signals: process,
}).then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
