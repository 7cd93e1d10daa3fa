import { createHmac, timingSafeEqual } from 'node:crypto';

const LIFETIME_SECONDS = 2 * 60 * 60;
/** A ticket may come from a clock this much ahead. */
const EARLY_SECONDS = 5 * 60;

/** Signs and checks login tickets and the tokens that guard writes against forged requests. */
export class Tickets {
  private readonly key: string;

  constructor(key: string) {
    this.key = key;
  }

  /** `PVE:user@realm:HEXTIME::signature` (the real one signs with RSA: 344 characters of base64). */
  issue(kind: 'PVE' | 'PVEVNC', userid: string, seconds: number, extra = ''): string {
    const stamp = hexTime(seconds);
    const plain = kind === 'PVE' ? `PVE:${userid}:${stamp}` : `PVEVNC:${stamp}`;
    return `${plain}::${this.sign(`${plain}:${extra}`)}`;
  }

  /** The user of a valid ticket. */
  verify(ticket: string, nowSeconds: number): string | undefined {
    const match = /^PVE:(\S+):([0-9A-F]{8})::(\S+)$/.exec(ticket);
    if (match === null) return undefined;
    const [, userid = '', stamp = '', signature = ''] = match;
    const age = nowSeconds - Number.parseInt(stamp, 16);
    if (age < -EARLY_SECONDS || age > LIFETIME_SECONDS) return undefined;
    return same(signature, this.sign(`PVE:${userid}:${stamp}:`)) ? userid : undefined;
  }

  csrf(userid: string, seconds: number): string {
    const stamp = hexTime(seconds);
    return `${stamp}:${this.csrfDigest(userid, stamp)}`;
  }

  verifyCsrf(userid: string, token: string, nowSeconds: number): boolean {
    const match = /^([0-9A-F]{8}):(\S+)$/.exec(token);
    if (match === null) return false;
    const [, stamp = '', digest = ''] = match;
    const age = nowSeconds - Number.parseInt(stamp, 16);
    return age > -EARLY_SECONDS && age < LIFETIME_SECONDS && same(digest, this.csrfDigest(userid, stamp));
  }

  private sign(plain: string): string {
    const parts = Array.from({ length: 8 }, (_, part) =>
      createHmac('sha256', this.key).update(`${part}:${plain}`).digest(),
    );
    return Buffer.concat(parts).toString('base64');
  }

  private csrfDigest(userid: string, stamp: string): string {
    return createHmac('sha256', this.key).update(`csrf:${stamp}:${userid}`).digest('base64').replace(/=+$/, '');
  }
}

function hexTime(seconds: number): string {
  return Math.floor(seconds).toString(16).toUpperCase().padStart(8, '0');
}

function same(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}
