import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { open, SealedValueError } from './hpke.ts';
import { generateSealingKey } from './key.ts';
import { openOutput, sealOutput, type OutputFor } from './output.ts';
import { parseRecipient, parseRecipientKey, recipientKeyText, recipientText } from './recipient.ts';

const bound: OutputFor = {
  tenant: 'org_a',
  agent: 'agt_a',
  cluster: 'clu_a',
  output: 'dsn',
  nonce: new Uint8Array(16).fill(7),
};
const plaintext = new TextEncoder().encode('db://correct horse');
const [person, agent, other] = await Promise.all([generateSealingKey(), generateSealingKey(), generateSealingKey()]);
const sealed = await sealOutput({ recipient: person.publicKey, sender: agent.privateKey }, plaintext, bound);

describe('a revealed output', () => {
  const keys = { recipient: person.privateKey, sender: agent.publicKey };

  test('opens for the person that asked, as the agent’s', async () => {
    expect(await openOutput(keys, person.publicKey, sealed, bound)).toEqual(plaintext);
  });

  test.each<Partial<OutputFor>>([
    { tenant: 'org_b' },
    { agent: 'agt_b' },
    { cluster: 'clu_b' },
    { output: 'url' },
    { nonce: new Uint8Array(16).fill(8) },
    { cluster: 'clu_adsn', output: '' },
  ])('opens as no other: %o', async (change) => {
    const opening = openOutput(keys, person.publicKey, sealed, { ...bound, ...change });
    await expect(opening).rejects.toBeInstanceOf(SealedValueError);
  });

  test('opens with no other key, nor as sealed by another or by nobody in particular', async () => {
    const tried = await Promise.allSettled([
      openOutput({ ...keys, recipient: other.privateKey }, other.publicKey, sealed, bound),
      openOutput({ ...keys, recipient: other.privateKey }, person.publicKey, sealed, bound),
      openOutput(keys, other.publicKey, sealed, bound),
      openOutput({ ...keys, sender: other.publicKey }, person.publicKey, sealed, bound),
      open({ privateKey: person.privateKey, sealed, aad: new Uint8Array() }),
    ]);
    for (const each of tried)
      expect(each).toMatchObject({ status: 'rejected', reason: { code: 'SEALED_VALUE_INVALID' } });
  });

  test('opens only as it was sealed', async () => {
    const flipped = Uint8Array.from(sealed);
    flipped[flipped.length - 1] = (flipped.at(-1) ?? 0) ^ 1;
    for (const wrong of [flipped, sealed.subarray(0, 40), new Uint8Array()])
      await expect(openOutput(keys, person.publicKey, wrong, bound)).rejects.toBeInstanceOf(SealedValueError);
  });

  test('is sealed to whole keys only', async () => {
    const short = { recipient: new Uint8Array(31), sender: agent.privateKey };
    await expect(sealOutput(short, plaintext, bound)).rejects.toBeInstanceOf(RangeError);
  });
});

test('a recipient’s key pair is read from its file as it was written, and from nothing else', () => {
  const text = recipientKeyText(person);
  expect(parseRecipientKey(text)).toEqual(person);
  for (const wrong of [
    '',
    'null',
    '{}',
    '[]',
    text.slice(1),
    text.replace('tfk_', ''),
    text.replace('privateKey', 'p'),
  ])
    expect(parseRecipientKey(wrong)).toBeUndefined();
});

describe('a recipient’s key as text', () => {
  test('is read as it was written', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (key) => {
        const text = recipientText(key);
        expect(text).toMatch(/^tfk_[0-9a-z]{56}$/);
        expect(parseRecipient(text)).toEqual(key);
      }),
    );
  });

  test('is told when it is mistyped', () => {
    const text = recipientText(person.publicKey);
    for (let at = 4; at < text.length; at++) {
      const digit = text[at] === '0' ? '1' : '0';
      expect(parseRecipient(`${text.slice(0, at)}${digit}${text.slice(at + 1)}`)).toBeUndefined();
    }
    for (const wrong of ['', 'tfk_', text.slice(0, -1), `${text}0`, text.replace('tfk', 'tfj'), `${text}\n`])
      expect(parseRecipient(wrong)).toBeUndefined();
    expect(() => recipientText(new Uint8Array(31))).toThrow(RangeError);
  });
});
