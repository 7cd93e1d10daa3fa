import { randomUUID } from 'node:crypto';
import { ServiceAccountSchema } from '@truffle/api/tenant/v1/service_account';
import { findServiceAccount, listServiceAccounts } from '../access/access.subject.ts';
import type { Handler } from '../command.ts';
import { idempotencyHeader } from '../connection/connection.ts';
import { present } from '../lookup/find.ts';
import type { SortFlags } from '../lookup/sort.ts';
import type { View } from '../output/output.ts';
import { age } from '../output/text.ts';
import { demandName } from '../prompt/prompt.ts';

const serviceAccountView: View<typeof ServiceAccountSchema> = {
  schema: ServiceAccountSchema,
  name: (each) => each.name,
  columns: {
    NAME: (each) => each.name,
    STATE: (each) => (each.disabled ? 'disabled' : 'enabled'),
    DESCRIPTION: (each) => each.description || '-',
    AGE: (each, now) => age(each.createdAt, now),
    ID: (each) => each.id,
  },
};

export const list: Handler<SortFlags> = async (cli, _, { sort }) => {
  await cli.out.list(serviceAccountView, await listServiceAccounts(await cli.session(), sort));
};

export const create: Handler<{ readonly description?: string }> = async (cli, [name = ''], { description = '' }) => {
  const session = await cli.session();
  const { serviceAccount } = await session.api.serviceAccounts.createServiceAccount(
    { orgId: await session.orgId(), name, description },
    { headers: { [idempotencyHeader]: randomUUID() } },
  );
  await cli.out.one(serviceAccountView, present(serviceAccount));
};

const turn =
  (disabled: boolean): Handler =>
  async (cli, [name = '']) => {
    const session = await cli.session();
    const { id: serviceAccountId, description, revision } = await findServiceAccount(session, name);
    const wanted = { serviceAccountId, description, revision, disabled };
    const { serviceAccount } = await session.api.serviceAccounts.updateServiceAccount(wanted);
    await cli.out.one(serviceAccountView, present(serviceAccount));
  };

export const disable = turn(true);
export const enable = turn(false);

export const remove: Handler<{ readonly yes?: boolean }> = async (cli, [name = ''], { yes = false }) => {
  const session = await cli.session();
  const found = await findServiceAccount(session, name);
  await demandName(cli, `deletes the service account ${found.name} and ends its keys`, found.name, yes);
  await session.api.serviceAccounts.deleteServiceAccount({ serviceAccountId: found.id, revision: found.revision });
  await cli.out.plain({ id: found.id, deleted: true }, `service account ${found.name} deleted`, found.name);
};
