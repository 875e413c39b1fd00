/** One line of the benchmark's output. */
export interface Measurement {
  readonly name: string;
  readonly value: number;
  readonly unit: 'ms' | 's' | 'MB' | 'cores' | 'ratio' | 'requests';
  /** Largest value that is ok; without it the line is information. */
  readonly budget?: number;
}

/** A module in `rows/` exports this as `row`. It starts what it needs and leaves nothing behind. */
export interface Row {
  /** What `npm run bench -- NAME` selects. */
  readonly name: string;
  /** Takes minutes: runs with `--full` or when named. */
  readonly long?: boolean;
  run(): Promise<readonly Measurement[]>;
}
