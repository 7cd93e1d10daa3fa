import { expect, test } from 'vitest';
import { fingerprintWords, generateSealingKey, keyId } from './key.ts';
import { fingerprintWordList } from './words.ts';

test('the word list has 256 different words', () => {
  expect(new Set(fingerprintWordList).size).toBe(256);
  expect(fingerprintWordList.every((word) => /^[a-z]{3,8}$/.test(word))).toBe(true);
});

test('a known key has a known id and known words', () => {
  const key = new Uint8Array(32);
  expect(keyId(key)).toBe('66687aadf862bd776c8fc18b8e9f8e20');
  expect(fingerprintWords(key).split('-')).toHaveLength(8);
  expect(fingerprintWords(key)).toMatchInlineSnapshot(`"crayon-crown-earth-ivory-poem-cowboy-lemon-drum"`);
});

test('keys are 32 bytes and new each time', async () => {
  const [one, two] = [await generateSealingKey(), await generateSealingKey()];
  expect(one.publicKey).toHaveLength(32);
  expect(one.privateKey).toHaveLength(32);
  expect(keyId(one.publicKey)).not.toBe(keyId(two.publicKey));
});
