import { OrganizationSchema } from '@truffle/api/tenant/v1/tenancy';
import { isId } from '@truffle/ids';
import type { Handler } from '../command.ts';
import { UsageError } from '../failure/cli-error.ts';
import { present } from '../lookup/find.ts';
import { findByName } from '../lookup/lookup.ts';
import type { View } from '../output/output.ts';
import { age } from '../output/text.ts';

const organizationView: View<typeof OrganizationSchema> = {
  schema: OrganizationSchema,
  name: (each) => each.name,
  columns: {
    NAME: (each) => each.name,
    TITLE: (each) => each.title,
    REGION: (each) => each.homeRegion || '-',
    AGE: (each, now) => age(each.createdAt, now),
    ID: (each) => each.id,
  },
};

export const list: Handler = async (cli) => {
  await cli.out.list(organizationView, await (await cli.session()).organizations());
};

export const get: Handler = async (cli, [name]) => {
  const session = await cli.session();
  const found =
    name === undefined || isId(name, 'org')
      ? name
      : findByName('organization', name, await session.organizations(), ['truffle org list']).id;
  const orgId = found ?? (await session.orgId());
  await cli.out.one(
    organizationView,
    present((await session.api.organizations.getOrganization({ orgId })).organization),
  );
};

export const create: Handler<{ readonly title?: string }> = async (cli, [name = ''], { title = '' }) => {
  const session = await cli.session();
  const { organization } = await session.api.organizations.createOrganization({ name, title });
  await cli.out.one(organizationView, present(organization));
  cli.notes.say(`work in it: truffle context use --org ${name}`);
};

export const requireSecondFactor: Handler = async (cli, [wanted = '']) => {
  if (wanted !== 'on' && wanted !== 'off')
    throw new UsageError(`${JSON.stringify(wanted)} is neither on nor off`, {
      next: ['truffle org require-second-factor on', 'truffle org require-second-factor off'],
    });
  const session = await cli.session();
  const orgId = await session.orgId();
  const required = wanted === 'on';
  const { organization } = await session.api.organizations.requireSecondFactor({ orgId, required });
  await cli.out.one(organizationView, present(organization));
};

export const remove: Handler = async (cli, [name = '']) => {
  const session = await cli.session();
  const { id } = findByName('organization', name, await session.organizations(), ['truffle org list']);
  await session.api.organizations.deleteOrganization({ orgId: id, name });
  await cli.out.plain({ id, deleted: true }, `the organization ${name} is deleted`, name);
};
