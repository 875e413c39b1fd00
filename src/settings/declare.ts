import type { ValidatorSpec } from 'envalid';

/**
 * A setting of a program, declared once. Its flag, variables, file keys, default and text in `--help` and
 * docs/configuration.md all come from here.
 */
export interface Setting<T> {
  /** Dotted key in the configuration file, today's name: `apiServer.http.port`. Also its name in messages. */
  readonly key: string;
  /** Keys of the older dialect for the same thing. */
  readonly olderKeys?: readonly string[];
  /** Variables that set it, preferred one first. Two that are set to different values are an error. */
  readonly env?: readonly string[];
  /** `--cp-address`; `-d` style letters in `short`. */
  readonly flag?: string;
  readonly short?: string;
  /** Placeholder in help: `url`, `port`, `duration`; '' for a switch. */
  readonly placeholder: string;
  /** One or two sentences for people, without the default. */
  readonly doc: string;
  /** Never printed. */
  readonly secret?: boolean;
  /** May be given several times (flag) or comma-separated (variable, file). */
  readonly list?: boolean;
  /** Parses the text form and knows the default; made with envalid (see values.ts). */
  readonly value: ValidatorSpec<T>;
}

/** A program's settings by the name its code uses. */
export type Settings = Readonly<Record<string, Setting<unknown>>>;

export type SettingValues<S extends Settings> = {
  readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never;
};

/** Keeps the value types of each entry while checking its shape. */
export function declareSettings<S extends Record<string, Setting<unknown>>>(settings: S): Readonly<S> {
  return Object.freeze(settings);
}

/** One entry; exists so that `T` is inferred from `value`. */
export function setting<T>(entry: Setting<T>): Setting<T> {
  return entry;
}
