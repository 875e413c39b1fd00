import { describe, expect, test } from 'vitest';
import { fromContents, toContents } from '../../../../src/dp/known-good/contents.ts';
import { decodeState, encodeState, type StateHeader } from '../../../../src/dp/known-good/format.ts';
import { aState } from './support/states.ts';

const header: StateHeader = {
  kind: 'generation',
  mesh: 'default',
  name: 'a',
  controlPlane: 'https://127.0.0.1:5678',
  writtenAt: 1_700_000_000_000,
  envoyVersion: '1.40.0',
  generation: 'abc',
  secrets: ['identity'],
};
const whole = () => Buffer.concat([...encodeState({ header, contents: toContents(aState()) })]);

describe('a state file', () => {
  test('comes back as it went in, bytes and all', () => {
    const read = decodeState(whole());
    if (!read.ok) throw new Error(read.problem);
    expect(read.header).toEqual(header);
    const state = fromContents(read.contents);
    if (state === undefined) throw new Error('no state');
    const again = Buffer.concat([...encodeState({ header, contents: toContents(state) })]);
    expect(again.equals(whole())).toBe(true);
    expect(Buffer.from(state.types[0]?.resources[0]?.any ?? []).toString()).toBe('c1');
  });

  test('keeps a resource without content apart from an empty one', () => {
    const [type] = aState().types;
    if (type === undefined) throw new Error('no type');
    const state = {
      node: undefined,
      types: [
        { ...type, resources: type.resources.map((r) => ({ ...r, any: undefined })) },
        { ...type, resources: type.resources.map((r) => ({ ...r, any: new Uint8Array(0) })) },
      ],
    };
    const back = fromContents(toContents(state));
    expect(back?.node).toBeUndefined();
    expect(back?.types.map((t) => t.resources[0]?.any)).toEqual([undefined, new Uint8Array(0)]);
  });

  test('that was cut off anywhere is refused as a whole', () => {
    const bytes = whole();
    for (let length = 0; length < bytes.length; length++) {
      expect(decodeState(bytes.subarray(0, length)).ok, `cut to ${length} bytes`).toBe(false);
    }
    expect(decodeState(bytes).ok).toBe(true);
  });

  test('in which any byte is another is refused as a whole', () => {
    const bytes = whole();
    for (let at = 0; at < bytes.length; at++) {
      const damaged = Buffer.from(bytes);
      damaged[at] = (damaged[at] ?? 0) ^ 0x10;
      expect(decodeState(damaged).ok, `byte ${at}`).toBe(false);
    }
  });

  test('with zeros at its end, as after a power cut, is refused', () => {
    const bytes = whole();
    expect(decodeState(Buffer.concat([bytes, Buffer.alloc(1)])).ok).toBe(false);
    bytes.fill(0, bytes.length - 100);
    expect(decodeState(bytes)).toMatchObject({ ok: false, problem: 'is damaged: its checksum does not fit' });
  });

  test('of another format says which', () => {
    const bytes = whole();
    bytes.writeUInt32BE(7, 8);
    expect(decodeState(bytes)).toEqual({ ok: false, problem: 'has format 7; this agent reads format 1' });
  });

  test('of anybody else is told from a damaged one', () => {
    expect(
      decodeState(Buffer.from('{"json": true, "and": "long enough to be a state file of ours"}')),
    ).toEqual({
      ok: false,
      problem: 'is no state of kuma-dp',
    });
  });

  test('whose index and bytes do not belong together is refused', () => {
    const { index, chunks } = toContents(aState());
    expect(fromContents({ index, chunks: chunks.slice(1) })).toBeUndefined();
    expect(fromContents({ index, chunks: [...chunks, new Uint8Array(1)] })).toBeUndefined();
    expect(fromContents({ index: null, chunks })).toBeUndefined();
  });
});
