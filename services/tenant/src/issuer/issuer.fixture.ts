import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT, type JWK, type JWTHeaderParameters, type JWTPayload } from 'jose';

interface Granted {
  readonly challenge: string;
  readonly idToken: string;
}

/** An OpenID issuer on loopback that says and signs what a test wants, also what no honest one would. */
export class TestIssuer {
  readonly clientId = 'truffle';
  readonly clientSecret = 'not much of a secret';
  /** What was asked for, path by path. */
  readonly asked: string[] = [];
  /** Laid over the discovery document. */
  document: Record<string, unknown> = {};
  /** Answers in place of the issuer; undefined leaves it to it. */
  intercept: (path: string, response: ServerResponse) => boolean = () => false;
  keys: JWK[] = [];
  url = '';
  #private: CryptoKey | undefined;
  #keyId = '';
  readonly #granted = new Map<string, Granted>();
  readonly #server = createServer((request, response) => void this.#serve(request, response));

  async start(): Promise<this> {
    await this.rotate();
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return this;
  }

  /** A new key; tokens of the old ones are good no longer. */
  async rotate(): Promise<void> {
    const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true });
    this.#private = privateKey;
    this.#keyId = randomUUID();
    this.keys = [{ ...(await exportJWK(publicKey)), kid: this.#keyId, alg: 'RS256', use: 'sig' }];
  }

  get keyId(): string {
    return this.#keyId;
  }

  get privateKey(): CryptoKey {
    if (this.#private === undefined) throw new Error('the issuer was not started');
    return this.#private;
  }

  /** A token that is good now, unless `claims` and `header` say otherwise. */
  async sign(claims: JWTPayload, header: Partial<JWTHeaderParameters> = {}): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    return new SignJWT({ iss: this.url, aud: this.clientId, iat: now, exp: now + 300, auth_time: now, ...claims })
      .setProtectedHeader({ alg: 'RS256', kid: this.#keyId, typ: 'JWT', ...header })
      .sign(this.privateKey);
  }

  /** The provider's answer to a sign-in that was begun, for a person with these claims. */
  async approve(url: string, claims: JWTPayload): Promise<{ code: string; state: string; iss: string }> {
    const { searchParams } = new URL(url);
    const code = randomUUID();
    const nonce = searchParams.get('nonce') ?? '';
    this.#granted.set(code, {
      challenge: searchParams.get('code_challenge') ?? '',
      idToken: await this.sign({ nonce, ...claims }),
    });
    return { code, state: searchParams.get('state') ?? '', iss: this.url };
  }

  close(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '').split('?')[0] ?? '';
    this.asked.push(path);
    if (this.intercept(path, response)) return;
    if (path === '/.well-known/openid-configuration') return json(response, 200, this.#discovery());
    if (path === '/keys') return json(response, 200, { keys: this.keys });
    if (path !== '/token') return json(response, 404, {});
    const form = new URLSearchParams(await read(request));
    const granted = this.#granted.get(form.get('code') ?? '');
    this.#granted.delete(form.get('code') ?? '');
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    const [id, secret] = Buffer.from((request.headers.authorization ?? '').slice('Basic '.length), 'base64')
      .toString()
      .split(':')
      .map((each) => decodeURIComponent(each.replaceAll('+', ' ')));
    if (granted?.challenge !== challenge || id !== this.clientId || secret !== this.clientSecret)
      return json(response, 400, { error: 'invalid_grant' });
    return json(response, 200, { access_token: 'x', token_type: 'Bearer', expires_in: 60, id_token: granted.idToken });
  }

  #discovery(): Record<string, unknown> {
    return {
      issuer: this.url,
      authorization_endpoint: `${this.url}/authorize`,
      token_endpoint: `${this.url}/token`,
      jwks_uri: `${this.url}/keys`,
      response_types_supported: ['code'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256'],
      authorization_response_iss_parameter_supported: true,
      ...this.document,
    };
  }
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
