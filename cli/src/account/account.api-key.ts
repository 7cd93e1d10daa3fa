import { durationFromMs, timestampFromMs } from '@bufbuild/protobuf/wkt';
import { ApiKeySchema, Role, type ApiKey } from '@truffle/api/tenant/v1/account';
import type { Handler } from '../command.ts';
import { parseDuration } from '../context/duration.ts';
import { present } from '../lookup/find.ts';
import { findByName } from '../lookup/lookup.ts';
import { everyPage } from '../lookup/pages.ts';
import type { SortFlags } from '../lookup/sort.ts';
import { asJson, type View } from '../output/output.ts';
import { age, stateName, when } from '../output/text.ts';
import { demandName } from '../prompt/prompt.ts';
import type { Session } from '../session.ts';
import { findServiceAccount } from '../access/access.subject.ts';
import type { Invocation } from '../invocation.ts';
import { readRole, readScope } from './account.role.ts';

const keyView: View<typeof ApiKeySchema> = {
  schema: ApiKeySchema,
  name: (each) => each.name,
  columns: {
    NAME: (each) => each.name,
    KEY: (each) => `${each.hint}…`,
    ROLE: (each) => (each.serviceAccountId === '' ? stateName(Role, each.role) : each.serviceAccountId),
    WHERE: (each) => each.scopeId,
    STATE: (each) => (each.revokedAt === undefined ? 'good' : 'revoked'),
    EXPIRES: (each) => when(each.expiresAt),
    USED: (each, now) => age(each.lastUsedAt, now),
    FROM: (each) => each.lastUsedAddress || '-',
    ID: (each) => each.id,
  },
};

const keys = async (
  session: Session,
  filter: { readonly orderBy?: string; readonly serviceAccountId?: string } = {},
) => {
  const orgId = await session.orgId();
  return everyPage(async (page) => {
    const answer = await session.api.apiKeys.listApiKeys({ orgId, ...filter, page });
    return { items: answer.apiKeys, next: answer.page?.next };
  });
};

export const list: Handler<SortFlags & { readonly serviceAccount?: string }> = async (cli, _, flags) => {
  const session = await cli.session();
  const { serviceAccount, sort: orderBy = '' } = flags;
  const serviceAccountId = serviceAccount === undefined ? '' : (await findServiceAccount(session, serviceAccount)).id;
  await cli.out.list(keyView, await keys(session, { orderBy, serviceAccountId }));
};

interface CreateFlags {
  readonly role?: string;
  readonly scope?: string;
  readonly expiresIn?: string;
  readonly serviceAccount?: string;
  readonly permission?: string[];
  readonly onlyAt?: string[];
}

/** A key has a role of its own, or what its service account has, narrowed. */
async function powerOf(session: Session, flags: CreateFlags) {
  if (flags.serviceAccount === undefined) return { role: readRole(flags.role) };
  const { id: serviceAccountId } = await findServiceAccount(session, flags.serviceAccount);
  return { serviceAccountId, permissions: flags.permission ?? [], scopeIds: flags.onlyAt ?? [] };
}

export const create: Handler<CreateFlags> = async (cli, [name = ''], flags) => {
  if (flags.serviceAccount === undefined) readRole(flags.role);
  const session = await cli.session();
  const expires =
    flags.expiresIn === undefined
      ? {}
      : { expiresAt: timestampFromMs(cli.now() + parseDuration(flags.expiresIn, '--expires-in')) };
  const { apiKey, secret } = await session.api.apiKeys.createApiKey({
    scopeId: await readScope(session, flags.scope),
    name,
    ...(await powerOf(session, flags)),
    ...expires,
  });
  await show(cli, present(apiKey), secret);
};

export const rotate: Handler<{ readonly overlap?: string }> = async (cli, [name = ''], flags) => {
  const overlap =
    flags.overlap === undefined ? {} : { overlap: durationFromMs(parseDuration(flags.overlap, '--overlap')) };
  const session = await cli.session();
  const { id: apiKeyId } = await findGoodKey(session, name);
  const { apiKey, secret } = await session.api.apiKeys.rotateApiKey({ apiKeyId, ...overlap });
  const rotated = present(apiKey);
  await show(cli, rotated, secret);
  if (rotated.previousUntil !== undefined)
    cli.notes.say(`${rotated.previousHint}… stays good until ${when(rotated.previousUntil)}`);
};

async function show(cli: Invocation, apiKey: ApiKey, secret: string): Promise<void> {
  const kept = (await asJson(ApiKeySchema, apiKey)) as object;
  await cli.out.plain({ ...kept, secret }, secret, secret);
  cli.notes.say(
    'this is the only time that the key is shown; use it by TRUFFLE_TOKEN_FILE or truffle login --token-file',
  );
}

async function findGoodKey(session: Session, name: string): Promise<ApiKey> {
  const good = (await keys(session)).filter((each) => each.revokedAt === undefined);
  return findByName('API key', name, good, ['truffle api-key list']);
}

export const revoke: Handler<{ readonly yes?: boolean }> = async (cli, [name = ''], { yes = false }) => {
  const session = await cli.session();
  const key = await findGoodKey(session, name);
  await demandName(cli, `ends the key ${key.name} (${key.hint}…) at once`, key.name, yes);
  await session.api.apiKeys.revokeApiKey({ apiKeyId: key.id });
  await cli.out.plain({ id: key.id, revoked: true }, `key ${key.name} revoked`, key.name);
};
