import { Code } from '@connectrpc/connect';
import { Problem } from '@truffle/kit';

/** A token of an issuer outside is not one that is taken. What exactly is wrong with a forged one is not said. */
export class TokenProblem extends Problem {
  override readonly name = 'TokenProblem';
  constructor(
    message = 'the token is not good: wrong issuer, signature, audience or time; get a new one and try again',
    cause?: unknown,
    record?: Problem['record'],
  ) {
    super(Code.Unauthenticated, 'TOKEN_NOT_GOOD', message, {
      ...(cause === undefined ? {} : { cause }),
      ...(record === undefined ? {} : { record }),
    });
  }
}

/** Claims of a token. */
export type Claims = Readonly<Record<string, unknown>>;

/** What a token says before anybody looked at its signature. */
export interface UnverifiedToken {
  readonly algorithm: string;
  readonly keyId: string;
  readonly issuer: string;
  readonly audience: readonly string[];
}

/** Signatures that are taken: by a private key only. Neither `none` nor a shared secret is among them. */
export const algorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
] as const;

const longest = 8_192;
const deepest = 32;
/** What a token would have us fetch, believe or skip by its own word. */
const refusedHeaders = ['jku', 'jwk', 'x5u', 'x5c', 'crit', 'b64', 'zip', 'enc', 'cty'];
const part = /^[A-Za-z0-9_-]+$/;

/** Whether `text` looks like a signed JWT at all. */
export const isJwt = (text: string): boolean => /^eyJ[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*$/.test(text);

/**
 * Reads a compact JWS strictly: three parts in canonical base64url, objects without doubled names, an algorithm that is taken, and no header
 * that points elsewhere. Nothing is proven by it. @throws TokenProblem
 */
export function readToken(text: string): UnverifiedToken {
  const parts = text.split('.');
  if (text.length > longest || parts.length !== 3 || !parts.every(isCanonical)) throw new TokenProblem();
  const [head = '', body = ''] = parts;
  const header = objectOf(head);
  const claims = objectOf(body);
  const { alg, kid, typ } = header;
  if (
    !algorithms.includes(alg as never) ||
    (kid !== undefined && (typeof kid !== 'string' || !/^[\w.:=+/-]{1,200}$/.test(kid) || kid.includes('..'))) ||
    (typ !== undefined && (typeof typ !== 'string' || !/^(application\/)?(at\+)?jwt$/i.test(typ))) ||
    refusedHeaders.some((name) => Object.hasOwn(header, name))
  )
    throw new TokenProblem();
  const audience = Array.isArray(claims['aud']) ? claims['aud'] : [claims['aud']];
  if (typeof claims['iss'] !== 'string' || !audience.every((each) => typeof each === 'string'))
    throw new TokenProblem();
  return { algorithm: alg as string, keyId: typeof kid === 'string' ? kid : '', issuer: claims['iss'], audience };
}

/** The last character of a part may hold bits that mean nothing: two texts of one token would be two tokens to whoever compares them. */
const isCanonical = (text: string): boolean =>
  part.test(text) && Buffer.from(text, 'base64url').toString('base64url') === text;

function objectOf(encoded: string): Record<string, unknown> {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(encoded, 'base64url'));
    refuseDoubledNames(text);
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch (error) {
    throw error instanceof TokenProblem ? error : new TokenProblem(undefined, error);
  }
  throw new TokenProblem();
}

/** Parsers differ in which of two members with one name they take: what was checked would not be what is used. */
function refuseDoubledNames(json: string): void {
  const open: (Set<string> | undefined)[] = [];
  const tokens = /"(?:[^"\\]|\\.)*"|[{}[\]]/g;
  for (let found = tokens.exec(json); found !== null; found = tokens.exec(json)) {
    const [token] = found;
    if (token === '{' || token === '[') open.push(token === '{' ? new Set() : undefined);
    else if (token === '}' || token === ']') open.pop();
    else if (/^\s*:/.test(json.slice(tokens.lastIndex, tokens.lastIndex + 16))) {
      const names = open.at(-1);
      const name = JSON.parse(token) as string;
      if (names === undefined || names.has(name)) throw new TokenProblem();
      names.add(name);
    }
    if (open.length > deepest) throw new TokenProblem();
  }
}
