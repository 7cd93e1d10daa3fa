import { describe, expect, it } from 'vitest';
import { hashPassword, PasswordsBusyProblem, verifyPassword } from './password.ts';

describe('a password', () => {
  it('is verified against its own hash only', async () => {
    const hash = await hashPassword('correct horse battery');
    expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(await verifyPassword('correct horse battery', hash)).toBe(true);
    expect(await verifyPassword('correct horse batterz', hash)).toBe(false);
    expect(await hashPassword('correct horse battery')).not.toBe(hash);
  });

  it('is the same however its characters were composed', async () => {
    expect(await verifyPassword('cafe\u0301 au lait', await hashPassword('caf\u00e9 au lait'))).toBe(true);
  });

  it('is refused for an unknown account after the same work', async () => {
    expect(await verifyPassword('anything at all', undefined)).toBe(false);
  });

  it('is refused at once when too many are at work', async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 40 }, () => hashPassword('correct horse battery')));
    const refused = outcomes.filter((o) => o.status === 'rejected');
    expect(refused.length).toBe(8);
    for (const each of refused) expect(each.reason).toBeInstanceOf(PasswordsBusyProblem);
  });
});
