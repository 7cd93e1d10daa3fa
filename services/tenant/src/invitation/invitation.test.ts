import { Code } from '@connectrpc/connect';
import { Role } from '@truffle/api/tenant/v1/account';
import { until } from '@truffle/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { emailOf, password, refusal, startPeople, type People } from '../people.fixture.ts';

let people: People;
const anybody = () => people.host.client();
const notGood = { code: Code.FailedPrecondition, reason: 'LINK_NOT_GOOD' };

beforeAll(async () => {
  people = await startPeople();
});

afterAll(async () => people?.close());

/** Invites and answers the token of the mail, which is the next one to the address. */
async function invited(
  owner: { readonly token: string; readonly orgId: string },
  email: string,
  role = Role.OPERATOR,
): Promise<string> {
  const to = email.toLowerCase();
  const before = people.mail.mails.length;
  await people.host.client(owner.token).invitations.createInvitation({ scopeId: owner.orgId, email, role });
  const mail = await until('the invitation', () => people.mail.mails.slice(before).find((each) => each.to === to));
  return mail.token;
}

describe('an invitation', () => {
  it('is accepted once, by an account of the address that it went to', async () => {
    const owner = await people.signUp('ada');
    const { token: beasSession } = await people.signUp('bea');
    const { token: cydsSession } = await people.signUp('cyd');
    const token = await invited(owner, emailOf('bea').toUpperCase());
    const bea = people.host.client(beasSession);
    expect((await refusal(people.host.client(cydsSession).invitations.acceptInvitation({ token }))).reason).toBe(
      'OTHER_ADDRESS',
    );
    const { binding } = await bea.invitations.acceptInvitation({ token });
    expect([binding?.role, binding?.scopeId]).toEqual([Role.OPERATOR, owner.orgId]);
    await until('bea is in', () =>
      bea.organizations.getOrganization({ orgId: owner.orgId }).then(
        () => true,
        () => false,
      ),
    );
    expect(await refusal(bea.invitations.acceptInvitation({ token }))).toEqual(notGood);
    const { invitations } = await people.host.client(owner.token).invitations.listInvitations({ orgId: owner.orgId });
    expect(invitations.filter((each) => each.acceptedAt !== undefined)).toHaveLength(1);
  });

  it('makes an account that is at home where it was invited, verified by the link', async () => {
    const owner = await people.signUp('dan');
    const token = await invited(owner, emailOf('eve'), Role.VIEWER);
    const wanted = { email: emailOf('eve'), password, invitationToken: token };
    expect((await refusal(anybody().accounts.signUp({ ...wanted, orgName: 'eve' }))).code).toBe(Code.InvalidArgument);
    expect((await refusal(anybody().accounts.signUp({ ...wanted, email: 'mallory@example.com' }))).reason).toBe(
      'OTHER_ADDRESS',
    );
    const made = await anybody().accounts.signUp(wanted);
    expect(made.user?.emailVerified).toBe(true);
    const { bindings } = await people.host.client(made.sessionToken).accounts.whoAmI({});
    expect(bindings.map((b) => [b.role, b.scopeId])).toEqual([[Role.VIEWER, owner.orgId]]);
    expect(await refusal(anybody().accounts.signUp(wanted))).toEqual(notGood);
  });

  it('is to a role of the organization’s own, for who has all of it, and void once that is gone', async () => {
    const owner = await people.signUp('ria');
    const client = people.host.client(owner.token);
    const make = async (name: string, permissions: string[]) =>
      (await client.roles.createRole({ orgId: owner.orgId, name, permissions })).role?.id ?? '';
    const reader = await make('reader', ['project.get', 'project.list']);
    const { token: session } = await people.signUp('sam');
    const sam = people.host.client(session);
    const ask = async (roleId: string, more: object = {}) => {
      const before = people.mail.mails.length;
      const wanted = { scopeId: owner.orgId, email: emailOf('sam'), roleId, ...more };
      await client.invitations.createInvitation(wanted);
      return until('the invitation', () =>
        people.mail.mails
          .slice(before)
          .find((each) => each.to === emailOf('sam') && each.subject.includes('Invitation')),
      );
    };
    for (const wrong of [{ role: Role.VIEWER }, { roleId: '' }])
      expect((await refusal(ask(reader, wrong))).code).toBe(Code.InvalidArgument);
    const doomed = await ask(await make('doomed', ['project.get']));
    const { roles } = await client.roles.listRoles({ orgId: owner.orgId });
    await client.roles.deleteRole({ roleId: roles.find((each) => each.name === 'doomed')?.id ?? '' });
    expect(await refusal(sam.invitations.acceptInvitation({ token: doomed.token }))).toEqual(notGood);

    const mail = await ask(reader);
    expect(mail.text).toContain('as reader');
    const { binding } = await sam.invitations.acceptInvitation({ token: mail.token });
    expect([binding?.role, binding?.roleId]).toEqual([Role.UNSPECIFIED, reader]);
    await until('sam is in', () =>
      sam.projects.listProjects({ orgId: owner.orgId }).then(
        () => true,
        () => false,
      ),
    );
    // An admin has not what only owners have, nor has another organization this one's role.
    const { secret } = await client.apiKeys.createApiKey({ scopeId: owner.orgId, name: 'admin', role: Role.ADMIN });
    const eraser = await make('eraser', ['audit.erase']);
    const byAdmin = people.host.client(secret).invitations.createInvitation({
      scopeId: owner.orgId,
      email: emailOf('sam'),
      roleId: eraser,
    });
    expect((await refusal(byAdmin)).code).toBe(Code.PermissionDenied);
    const other = await people.signUp('tom');
    const theirs = people.host.client(other.token).invitations.createInvitation({
      scopeId: other.orgId,
      email: emailOf('sam'),
      roleId: reader,
    });
    expect((await refusal(theirs)).code).toBe(Code.NotFound);
  });

  it('ends when it is revoked, replaced, too old, or its maker may not give the role any more', async () => {
    const owner = await people.signUp('fay');
    const client = people.host.client(owner.token);
    const { token: session } = await people.signUp('gus');
    const gus = people.host.client(session);
    const first = await invited(owner, emailOf('gus'));
    const second = await invited(owner, emailOf('gus'), Role.VIEWER);
    expect(await refusal(gus.invitations.acceptInvitation({ token: first }))).toEqual(notGood);
    const { invitations } = await client.invitations.listInvitations({ orgId: owner.orgId });
    await client.invitations.revokeInvitation({ invitationId: invitations[0]?.id ?? '' });
    await client.invitations.revokeInvitation({ invitationId: invitations[0]?.id ?? '' });
    expect(await refusal(gus.invitations.acceptInvitation({ token: second }))).toEqual(notGood);

    const { token: halsSession } = await people.signUp('hal');
    await people.database.admin.query('delete from tenant.sign_in_attempt');
    const late = await invited(owner, emailOf('hal'));
    await people.database.admin.query('update tenant.invitation set expires_at = now() where email = $1', [
      emailOf('hal'),
    ]);
    const hal = people.host.client(halsSession);
    expect(await refusal(hal.invitations.acceptInvitation({ token: late }))).toEqual(notGood);
    await people.database.admin.query(
      `update tenant.invitation set expires_at = now() + interval '1 day' where email = $1`,
      [emailOf('hal')],
    );
    await people.database.admin.query('update tenant.role_binding set role = 1 where org_id = $1', [owner.orgId]);
    expect(await refusal(hal.invitations.acceptInvitation({ token: late }))).toEqual(notGood);
  });

  it('is made by nobody for more than they have, and found by nobody outside', async () => {
    const owner = await people.signUp('ivy');
    const other = await people.signUp('jon');
    const token = await invited(owner, emailOf('jon'), Role.ADMIN);
    const admin = people.host.client(other.token);
    const wanted = { scopeId: owner.orgId, email: 'kim@example.com', role: Role.OWNER };
    expect((await refusal(admin.invitations.createInvitation(wanted))).code).toBe(Code.NotFound);
    await admin.invitations.acceptInvitation({ token });
    await until(
      'the role is in force',
      async () => (await refusal(admin.invitations.createInvitation(wanted))).code === Code.PermissionDenied,
    );
    const { invitation } = await people.host.client(owner.token).invitations.createInvitation(wanted);
    const invitationId = invitation?.id ?? '';
    expect((await refusal(admin.invitations.revokeInvitation({ invitationId }))).code).toBe(Code.PermissionDenied);
    const stranger = people.host.client((await people.signUp('lea')).token);
    expect((await refusal(stranger.invitations.revokeInvitation({ invitationId }))).code).toBe(Code.NotFound);
    expect((await refusal(stranger.invitations.listInvitations({ orgId: owner.orgId }))).code).toBe(Code.NotFound);
  });

  it('is the only way in where mail is delivered: no call tells whether an address has an account', async () => {
    const owner = await people.signUp('mia');
    await people.signUp('ned');
    const client = people.host.client(owner.token);
    const wanted = { scopeId: owner.orgId, role: Role.VIEWER };
    expect(await refusal(client.members.setBinding({ ...wanted, email: emailOf('ned') }))).toEqual(
      await refusal(client.members.setBinding({ ...wanted, email: 'nobody@example.com' })),
    );
  });
});
