import { readToken, type TokenSource } from './source.ts';
import { type Token, type TokenOptions, watchToken } from './token.ts';

/** Which file the token is to come from, where that may become another one while the proxy runs. */
export interface LiveTokenFile {
  /** undefined: none of its own. */
  readonly wanted: string | undefined;
  /** Calls back after each change until the returned function is called. */
  listen(onChange: () => void): () => void;
}

export interface FollowTokenOptions extends TokenOptions {
  readonly file: LiveTokenFile | undefined;
  /** Why no token may be used that the start did not know of, ending the sentence "FILE "; undefined when it may. */
  readonly obstacle: string | undefined;
}

/**
 * A token whose file may appear, or get another name, while the proxy runs. A file that is away or empty leaves the last
 * token in use: secret stores take files away before they write them anew.
 */
export function followToken({ file, obstacle, ...options }: FollowTokenOptions): Token {
  const { logger, onChange } = options;
  let path = options.source?.kind === 'file' ? options.source.path : undefined;
  let token = watchToken(options);
  if (file === undefined) return token;

  function take(source: TokenSource): void {
    const before = token.current;
    const reading = readToken(source);
    token.stop();
    token = watchToken({ ...options, source, first: reading.ok ? reading.token : before });
    if (token.current === before) return;
    logger.info({ source: path }, 'the proxy has a token file of its own by now: its token is in use');
    onChange();
  }

  const look = (): void => {
    const { wanted } = file;
    if (wanted === undefined || wanted === path) return;
    path = wanted;
    if (obstacle === undefined) take({ kind: 'file', path });
    else logger.error({ source: path }, `the new token is not used: ${path} ${obstacle}`);
  };
  const forget = file.listen(look);
  look();
  return {
    get current() {
      return token.current;
    },
    get mayChange() {
      return token.mayChange;
    },
    refused: (reason) => token.refused(reason),
    stop() {
      forget();
      token.stop();
    },
  };
}
