import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Provider } from 'oidc-provider';

/** A certified OpenID provider on loopback, with one client and whoever says their name. */
export interface TestProvider {
  readonly url: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Signs `name` in as a browser would and answers what the provider redirects with. */
  signIn(url: string, name: string): Promise<{ code: string; state: string; iss: string }>;
  close(): Promise<void>;
}

const clientId = 'truffle';
const clientSecret = 'a secret of some length';

/** @param redirectUri the only one that the client may have */
export async function startProvider(redirectUri: string): Promise<TestProvider> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider = new Provider(url, {
    clients: [{ client_id: clientId, client_secret: clientSecret, redirect_uris: [redirectUri] }],
    pkce: { required: () => true },
    claims: { email: ['email', 'email_verified'], profile: ['name'] },
    findAccount: (_, name) => ({
      accountId: name,
      claims: () => ({ sub: name, email: `${name}@ada.example`, email_verified: true, name }),
    }),
    cookies: { keys: ['for a test'] },
  });
  const handle = provider.callback();
  server.on('request', (request, response) => void handle(request, response));
  return {
    url,
    clientId,
    clientSecret,
    signIn: (begun, name) => browse(begun, name, redirectUri),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Follows redirects and fills in the provider's own forms until it sends the browser back. */
async function browse(begun: string, name: string, redirectUri: string) {
  const jar = new Map<string, string>();
  let at = begun;
  let form: URLSearchParams | undefined;
  for (let steps = 0; steps < 12; steps++) {
    const answer = await fetch(at, {
      redirect: 'manual',
      headers: { cookie: [...jar].map(([key, value]) => `${key}=${value}`).join('; ') },
      ...(form === undefined ? {} : { method: 'POST', body: form }),
    });
    for (const each of answer.headers.getSetCookie()) {
      const [, key = '', value = ''] = /^([^=]+)=([^;]*)/.exec(each) ?? [];
      jar.set(key, value);
    }
    form = undefined;
    const location = answer.headers.get('location');
    if (location !== null) {
      at = new URL(location, at).href;
      if (at.startsWith(redirectUri)) {
        const { searchParams } = new URL(at);
        const of = (key: string) => searchParams.get(key) ?? '';
        return { code: of('code'), state: of('state'), iss: of('iss') };
      }
    } else {
      const page = await answer.text();
      const prompt = /name="prompt" value="(\w+)"/.exec(page)?.[1] ?? '';
      at = new URL(/action="([^"]+)"/.exec(page)?.[1] ?? '', at).href;
      form = new URLSearchParams(prompt === 'login' ? { prompt, login: name, password: 'x' } : { prompt });
    }
  }
  throw new Error('the provider never sent the browser back');
}
