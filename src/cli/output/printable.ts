/**
 * Text from elsewhere (names, tags, server messages) made safe for a terminal: control characters, with which a
 * stored value could move the cursor or rewrite lines, become `\ufffd`. Tabs and newlines count as control characters.
 */
export function toPrintable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is about.
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, '\ufffd');
}
