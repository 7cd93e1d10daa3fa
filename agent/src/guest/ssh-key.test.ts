import ssh2 from 'ssh2';
import { describe, expect, test } from 'vitest';
import { makeSshKey, publicHalf } from './ssh-key.ts';

describe('SSH keys', () => {
  test('are read by ssh2, every one of them, and have the public half that it sees', () => {
    for (let i = 0; i < 300; i++) {
      const made = makeSshKey('truffle-agent');
      const parsed = ssh2.utils.parseKey(made);
      if (parsed instanceof Error) throw parsed;
      expect(parsed).toMatchObject({ type: 'ssh-ed25519', comment: 'truffle-agent' });
      expect(publicHalf(made)).toBe(`ssh-ed25519 ${parsed.getPublicSSH().toString('base64')}`);
      const signed = parsed.sign('what the guest asks to be signed');
      expect(parsed.verify('what the guest asks to be signed', signed)).toBe(true);
    }
  });

  test('that older agents made are still read', () => {
    for (let i = 0; i < 20; i++) {
      const made = ssh2.utils.generateKeyPairSync('ed25519', { comment: 'truffle-agent' });
      expect(publicHalf(made.private)).toBe(made.public.split(' ').slice(0, 2).join(' '));
    }
  });

  test('that are none, cut short or behind a passphrase have no public half', () => {
    const made = makeSshKey('truffle-agent');
    const lines = made.split('\n');
    const locked = ssh2.utils.generateKeyPairSync('ed25519', { passphrase: 'secret', cipher: 'aes256-ctr', rounds: 1 });
    const cut = [lines[0], lines[1]?.slice(0, 40), lines.at(-2), ''].join('\n');
    for (const none of ['', 'nonsense', cut, locked.private]) expect(publicHalf(none)).toBeUndefined();
  });
});
