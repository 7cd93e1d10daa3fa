import { describe, expect, it } from 'vitest';
import { newCredential, readCredential } from './credential.ts';

describe('a credential', () => {
  it('is read back with its kind and digest', () => {
    const made = newCredential('tfk');
    expect(made.secret).toMatch(/^tfk_[0-9A-Za-z]{49}$/);
    expect(readCredential(made.secret)).toEqual({ kind: 'tfk', sha256: made.sha256 });
    expect(made.secret.startsWith(made.hint)).toBe(true);
  });

  it('keeps its length for small numbers', () => {
    expect(newCredential('tfs', Buffer.alloc(32)).secret).toHaveLength(53);
    expect(newCredential('tfs', Buffer.alloc(32, 255)).secret).toHaveLength(53);
  });

  it('is refused with any one character changed', () => {
    const { secret } = newCredential('tfs');
    for (let i = 0; i < secret.length; i++) {
      const other = secret[i] === 'a' ? 'b' : 'a';
      expect(readCredential(secret.slice(0, i) + other + secret.slice(i + 1))).toBeUndefined();
    }
    expect(readCredential(`${secret} `)).toBeUndefined();
    expect(readCredential('')).toBeUndefined();
  });
});
