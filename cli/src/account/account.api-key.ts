import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { ApiKeySchema, Role } from '@truffle/api/tenant/v1/account';
import type { Handler } from '../command.ts';
import { parseDuration } from '../context/duration.ts';
import { present } from '../lookup/find.ts';
import { findByName } from '../lookup/lookup.ts';
import { everyPage } from '../lookup/pages.ts';
import { asJson, type View } from '../output/output.ts';
import { age, stateName, when } from '../output/text.ts';
import { demandName } from '../prompt/prompt.ts';
import type { Session } from '../session.ts';
import { readRole, readScope } from './account.role.ts';

const keyView: View<typeof ApiKeySchema> = {
  schema: ApiKeySchema,
  name: (each) => each.name,
  columns: {
    NAME: (each) => each.name,
    KEY: (each) => `${each.hint}…`,
    ROLE: (each) => stateName(Role, each.role),
    WHERE: (each) => each.scopeId,
    STATE: (each) => (each.revokedAt === undefined ? 'good' : 'revoked'),
    EXPIRES: (each) => when(each.expiresAt),
    USED: (each, now) => age(each.lastUsedAt, now),
    ID: (each) => each.id,
  },
};

const keys = async (session: Session) => {
  const orgId = await session.orgId();
  return everyPage(async (page) => {
    const answer = await session.api.apiKeys.listApiKeys({ orgId, page });
    return { items: answer.apiKeys, next: answer.page?.next };
  });
};

export const list: Handler = async (cli) => {
  await cli.out.list(keyView, await keys(await cli.session()));
};

export const create: Handler<{ readonly role?: string; readonly scope?: string; readonly expiresIn?: string }> = async (
  cli,
  [name = ''],
  flags,
) => {
  const role = readRole(flags.role);
  const session = await cli.session();
  const expires =
    flags.expiresIn === undefined
      ? {}
      : { expiresAt: timestampFromMs(cli.now() + parseDuration(flags.expiresIn, '--expires-in')) };
  const { apiKey, secret } = await session.api.apiKeys.createApiKey({
    scopeId: await readScope(session, flags.scope),
    name,
    role,
    ...expires,
  });
  const kept = (await asJson(ApiKeySchema, present(apiKey))) as object;
  await cli.out.plain({ ...kept, secret }, secret, secret);
  cli.notes.say(
    'this is the only time that the key is shown; use it by TRUFFLE_TOKEN_FILE or truffle login --token-file',
  );
};

export const revoke: Handler<{ readonly yes?: boolean }> = async (cli, [name = ''], { yes = false }) => {
  const session = await cli.session();
  const good = (await keys(session)).filter((each) => each.revokedAt === undefined);
  const key = findByName('API key', name, good, ['truffle api-key list']);
  await demandName(cli, `ends the key ${key.name} (${key.hint}…) at once`, key.name, yes);
  await session.api.apiKeys.revokeApiKey({ apiKeyId: key.id });
  await cli.out.plain({ id: key.id, revoked: true }, `key ${key.name} revoked`, key.name);
};
