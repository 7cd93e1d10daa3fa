import { randomBytes, randomInt, randomUUID } from 'node:crypto';

/** Where generated values come from. */
export interface Random {
  uuid(): string;
  /** A unicast MAC address under the prefix PVE uses. */
  mac(): string;
  /** Printable characters. */
  password(length: number): string;
  /** `bytes` random bytes in hex. */
  hex(bytes: number): string;
}

export const systemRandom: Random = {
  uuid: () => randomUUID(),
  mac: () => `BC:24:11:${randomBytes(3).toString('hex').toUpperCase().match(/../g)?.join(':') ?? '00:00:00'}`,
  password: (length) => Array.from({ length }, () => String.fromCharCode(randomInt(33, 58))).join(''),
  hex: (bytes) => randomBytes(bytes).toString('hex'),
};
