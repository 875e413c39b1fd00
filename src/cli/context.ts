import type { SendHttp } from './client/http.ts';

/**
 * Everything kumactl touches outside itself, made once in `bin` and faked in tests. Nothing under `cli` reads
 * `process` or the wall clock by other ways.
 */
export interface CliContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Holds `.kumactl/config`. */
  readonly homeDir: string;
  /** Relative files on the command line are relative to this. */
  readonly workDir: string;
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Wall time in ms. */
  readonly now: () => number;
  readonly send: SendHttp;
}

export interface Input extends AsyncIterable<Uint8Array | string> {
  /** True when a person types into it, so that reading it would only wait. */
  readonly isTTY?: boolean;
}

export interface Output {
  write(text: string): unknown;
}
