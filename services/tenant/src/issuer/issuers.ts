import { InvalidProblem } from '@truffle/kit';
import { fetchOver, OutgoingClient, OutgoingRefusedError } from '@truffle/outgoing';
import { createRemoteJWKSet, customFetch, jwtVerify, type JWTVerifyGetKey, type JWTPayload } from 'jose';
import { algorithms, readToken, TokenProblem } from './token.ts';

export interface IssuersOptions {
  readonly client: OutgoingClient;
  /** Hosts that may be asked without TLS: what who runs this control plane lets through. */
  readonly plainHosts: readonly string[];
  readonly now: () => Date;
  /** How long keys are kept before an unknown one makes them be read anew; 10 s unless told. */
  readonly cooldownMs?: number;
}

export interface Issuer {
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly keys: JWTVerifyGetKey;
}

interface Known {
  readonly until: number;
  readonly issuer: Promise<Issuer>;
}

const minute = 60_000;
const keptMs = 10 * minute;
/** An issuer that does not answer is not asked again sooner: callers can't make us knock at a door. */
const keptFailedMs = 10_000;
const mostKept = 1_000;
const usualCooldownMs = 10_000;
const answerMs = 5_000;
const toleranceSeconds = 30;
const oldestToken = '24h';

/** OpenID issuers outside: what they publish about themselves, and whether a token is theirs. */
export class Issuers {
  readonly fetch: typeof fetch;
  readonly #options: IssuersOptions;
  readonly #known = new Map<string, Known>();

  constructor(options: IssuersOptions) {
    this.#options = options;
    this.fetch = fetchOver(options.client);
  }

  /** An address of a provider: https, or plain where it is let through. @throws InvalidProblem */
  demandUrl(url: string, field: string): URL {
    const refuse = (description: string) => new InvalidProblem([{ field, description, reason: 'NOT_AN_ISSUER' }]);
    let parsed: URL;
    try {
      parsed = this.#options.client.check(url);
    } catch (error) {
      if (error instanceof OutgoingRefusedError) throw refuse(error.message);
      throw error;
    }
    if (parsed.protocol !== 'https:' && !this.isPlain(parsed)) throw refuse('must begin with https://');
    if (parsed.search !== '' || parsed.hash !== '') throw refuse('must have no query and no fragment');
    return parsed;
  }

  /** Whether `url` is a plain one that is let through. */
  isPlain(url: URL): boolean {
    return url.protocol === 'http:' && this.#options.plainHosts.includes(url.hostname.replace(/^\[|\]$/g, ''));
  }

  /**
   * The claims of a token that `issuer` signed for `audience` and that is good now.
   * @throws TokenProblem
   */
  async verify(token: string, issuer: string, audience: string): Promise<JWTPayload> {
    const read = readToken(token);
    if (read.issuer !== issuer || !read.audience.includes(audience)) throw new TokenProblem();
    const { keys } = await this.find(issuer);
    try {
      const { payload } = await jwtVerify(token, keys, {
        algorithms: [...algorithms],
        issuer,
        audience,
        clockTolerance: toleranceSeconds,
        maxTokenAge: oldestToken,
        requiredClaims: ['sub', 'exp', 'iat'],
        currentDate: this.#options.now(),
      });
      if (typeof payload.sub !== 'string' || payload.sub === '' || payload.sub.length > 500) throw new TokenProblem();
      return payload;
    } catch (error) {
      throw error instanceof TokenProblem ? error : new TokenProblem(undefined, error);
    }
  }

  /** What the issuer publishes. @throws TokenProblem when it can't be read, or is another's */
  async find(issuer: string): Promise<Issuer> {
    const now = this.#options.now().getTime();
    const known = this.#known.get(issuer);
    if (known !== undefined && known.until > now) return known.issuer;
    const found = this.#discover(issuer);
    if (this.#known.size >= mostKept) this.#known.clear();
    this.#known.set(issuer, { until: now + keptMs, issuer: found });
    found.catch(() => this.#known.set(issuer, { until: now + keptFailedMs, issuer: found }));
    return found;
  }

  async #discover(issuer: string): Promise<Issuer> {
    try {
      this.demandUrl(issuer, 'issuer');
      const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
      const answer = await this.#options.client.request(url, { timeoutMs: answerMs, redirects: 0, maxBytes: 262_144 });
      if (answer.status !== 200) throw new TypeError(`discovery answered ${answer.status}`);
      const metadata = JSON.parse(answer.body.toString()) as Record<string, unknown>;
      const { jwks_uri: jwksUri } = metadata;
      if (metadata['issuer'] !== issuer || typeof jwksUri !== 'string') throw new TypeError('the issuer is another');
      const keys = createRemoteJWKSet(this.demandUrl(jwksUri, 'jwks_uri'), {
        [customFetch]: this.fetch,
        timeoutDuration: answerMs,
        cooldownDuration: this.#options.cooldownMs ?? usualCooldownMs,
        cacheMaxAge: keptMs,
      });
      return { metadata, keys };
    } catch (error) {
      throw new TokenProblem(
        'the issuer could not be asked for its keys; check its address and that it answers, then try again',
        error,
      );
    }
  }
}
