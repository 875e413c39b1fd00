#!/usr/bin/env node
import { homedir } from 'node:os';
import { sendHttp } from '../cli/client/http.ts';
import { main } from '../cli/main.ts';

const { argv, env, stdin, stdout, stderr } = process;
// A reader that has seen enough (`kumactl get meshes | head -1`) is no error.
stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
const context = {
  env,
  homeDir: homedir(),
  workDir: process.cwd(),
  stdin,
  stdout,
  stderr,
  now: Date.now,
  send: sendHttp,
};
main(argv.slice(2), context).then((code) => {
  // Not `process.exit`, which would cut off output that a pipe has not taken yet.
  process.exitCode = code;
});
