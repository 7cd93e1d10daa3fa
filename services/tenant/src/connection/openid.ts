import { PreconditionProblem } from '@truffle/kit';
import * as openid from 'openid-client';
import type { Issuers } from '../issuer/issuers.ts';
import { TokenProblem, type Claims } from '../issuer/token.ts';

/** Our client at a provider. */
export interface ProviderClient {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string | undefined;
  readonly scopes: readonly string[];
}

/** What one sign-in is bound to; nobody else can know these. */
export interface FlowSecrets {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

/** The provider's redirect, as the browser passed it on. */
export interface ProviderAnswer {
  readonly code: string;
  readonly state: string;
  readonly iss: string;
}

const secondsBefore = 30;
const answerSeconds = 5;

/** The authorization code flow with PKCE, over the guarded client. */
export class OpenId {
  readonly #issuers: Issuers;
  readonly #origin: string;

  /** @param origin where people reach the product; empty when not known */
  constructor(issuers: Issuers, origin: string) {
    this.#issuers = issuers;
    this.#origin = origin;
  }

  /** Where providers send browsers back to: exactly this. */
  get redirectUri(): string {
    return this.#origin === '' ? '' : `${this.#origin}/sso/callback`;
  }

  /** Where the browser is sent to. @throws TokenProblem when the provider can't be asked, PreconditionProblem without a public address */
  async begin(
    client: ProviderClient,
    { state, nonce, verifier }: FlowSecrets,
    { fresh, loginHint }: { readonly fresh: boolean; readonly loginHint: string },
  ): Promise<string> {
    if (this.redirectUri === '')
      throw new PreconditionProblem('SSO_UNAVAILABLE', 'sign-in by a provider needs TRUFFLE_PUBLIC_URL to be set');
    const config = await this.#configure(client);
    const parameters = {
      redirect_uri: this.redirectUri,
      scope: client.scopes.join(' '),
      response_type: 'code',
      state,
      nonce,
      code_challenge: await openid.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      ...(loginHint === '' ? {} : { login_hint: loginHint }),
      ...(fresh ? { prompt: 'login', max_age: '0' } : {}),
    };
    const url = authorizationUrl(config, parameters);
    // The document may say `javascript:` or a plain address here as well: the browser would go there.
    if (url.protocol !== 'https:' && !this.#issuers.isPlain(url))
      throw new TokenProblem('the provider is set up wrongly');
    return url.href;
  }

  /**
   * The person's claims for the provider's answer: code exchanged; state, nonce, issuer, audience and times checked, the signature too.
   * @throws TokenProblem
   */
  async finish(client: ProviderClient, secrets: FlowSecrets, answer: ProviderAnswer, fresh: boolean): Promise<Claims> {
    const config = await this.#configure(client);
    const redirected = new URL(this.redirectUri);
    redirected.searchParams.set('code', answer.code);
    redirected.searchParams.set('state', answer.state);
    if (answer.iss !== '') redirected.searchParams.set('iss', answer.iss);
    try {
      const tokens = await openid.authorizationCodeGrant(config, redirected, {
        pkceCodeVerifier: secrets.verifier,
        expectedState: secrets.state,
        expectedNonce: secrets.nonce,
        idTokenExpected: true,
        ...(fresh ? { maxAge: 0 } : {}),
      });
      const claims = await this.#issuers.verify(tokens.id_token ?? '', client.issuer, client.clientId);
      if (claims['nonce'] !== secrets.nonce) throw new TokenProblem();
      return typeof claims['email'] === 'string' || config.serverMetadata().userinfo_endpoint === undefined
        ? claims
        : { ...(await openid.fetchUserInfo(config, tokens.access_token, claims.sub ?? '')), ...claims };
    } catch (error) {
      if (error instanceof TokenProblem) throw error;
      throw new TokenProblem(
        'the provider’s answer is not good, was used, or is not for this sign-in; sign in again',
        error,
      );
    }
  }

  async #configure(client: ProviderClient): Promise<openid.Configuration> {
    const { metadata } = await this.#issuers.find(client.issuer);
    const methods = metadata['token_endpoint_auth_methods_supported'];
    const posts =
      Array.isArray(methods) && !methods.includes('client_secret_basic') && methods.includes('client_secret_post');
    const authentication =
      client.clientSecret === undefined
        ? openid.None()
        : posts
          ? openid.ClientSecretPost(client.clientSecret)
          : openid.ClientSecretBasic(client.clientSecret);
    const config = new openid.Configuration(
      metadata as unknown as openid.ServerMetadata,
      client.clientId,
      { [openid.clockTolerance]: secondsBefore },
      authentication,
    );
    config.timeout = answerSeconds;
    config[openid.customFetch] = this.#issuers.fetch;
    if (this.#issuers.isPlain(new URL(client.issuer))) openid.allowInsecureRequests(config);
    return config;
  }
}

function authorizationUrl(config: openid.Configuration, parameters: Record<string, string>): URL {
  try {
    return openid.buildAuthorizationUrl(config, parameters);
  } catch (error) {
    throw new TokenProblem('the provider is set up wrongly: it says no address for people to sign in at', error);
  }
}
