type Facts = Record<string, unknown>;

/** What every module logs through; made in the composition roots, pino behind it. Facts first, then the message. */
export interface Logger {
  debug(facts: Facts, message: string): void;
  info(facts: Facts, message: string): void;
  warn(facts: Facts, message: string): void;
  error(facts: Facts, message: string): void;
  /** A logger that adds these facts to every line. */
  child(facts: Facts): Logger;
}

/** Swallows everything: for tests and one-shot commands. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLogger,
};
