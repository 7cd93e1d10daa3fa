import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Code, ConnectError, type Interceptor } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-node';
import { createTruffleClient, type TruffleClient } from '@truffle/api';
import { Role } from '@truffle/api/tenant/v1/account';
import { readJson, writeJson, type StateFolder } from './state-folder.ts';

/** The first account of a local installation, and the key that its tools use. */
export interface Owner {
  readonly email: string;
  readonly password: string;
  readonly orgId: string;
  readonly projectId: string;
  readonly apiKey: string;
}

const ownerFile = (folder: StateFolder): string => join(folder.root, 'owner.json');
const callMilliseconds = 20_000;

/** A client of the local control plane. @param before what each call goes through first */
export function clientOf(url: string, credential?: string, before: readonly Interceptor[] = []): TruffleClient {
  return createTruffleClient(
    createConnectTransport({
      baseUrl: url,
      httpVersion: '1.1',
      defaultTimeoutMs: callMilliseconds,
      interceptors: [
        ...before,
        (next) => (request) => {
          if (credential !== undefined) request.header.set('authorization', `Bearer ${credential}`);
          return next(request);
        },
      ],
    }),
  );
}

/**
 * Signs up the owner of a new installation by the public API and makes the tools' key; afterwards answers what was kept. The CLI's context of
 * this checkout is written each time, as the port may have changed.
 */
export async function ensureOwner(folder: StateFolder, url: string): Promise<Owner> {
  const kept = readJson(ownerFile(folder)) as Owner | undefined;
  const owner = kept !== undefined && (await isGood(url, kept)) ? kept : await signUp(folder, url);
  writeJson(folder.context, { endpoint: url, apiKey: owner.apiKey, orgId: owner.orgId, projectId: owner.projectId });
  return owner;
}

async function isGood(url: string, owner: Owner): Promise<boolean> {
  try {
    await clientOf(url, owner.apiKey).accounts.whoAmI({});
    return true;
  } catch (error) {
    if (error instanceof ConnectError && error.code === Code.Unauthenticated) return false;
    throw error;
  }
}

async function signUp(folder: StateFolder, url: string): Promise<Owner> {
  // A suffix, as an owner of an earlier attempt (killed before it was kept) may hold the plain name.
  const suffix = randomBytes(3).toString('hex');
  const email = `owner-${suffix}@truffle.example`;
  const password = randomBytes(12).toString('base64url');
  const signedUp = await clientOf(url).accounts.signUp({ email, password, name: 'Owner', orgName: `demo-${suffix}` });
  const orgId = signedUp.organization?.id ?? '';
  const session = clientOf(url, signedUp.sessionToken);
  const { secret } = await session.apiKeys.createApiKey({ scopeId: orgId, name: 'local tools', role: Role.OWNER });
  await session.accounts.signOut({});
  const owner = { email, password, orgId, projectId: signedUp.project?.id ?? '', apiKey: secret };
  writeJson(ownerFile(folder), owner);
  return owner;
}
