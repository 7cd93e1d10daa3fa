import { Code } from '@connectrpc/connect';
import { Role } from '@truffle/api/tenant/v1/account';
import { eventsOrdered, until } from '@truffle/testkit';
import { Secret, TOTP } from 'otpauth';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { emailOf, password, refusal, startPeople, type People } from '../people.fixture.ts';

let people: People;

beforeAll(async () => {
  people = await startPeople();
});

afterAll(async () => people?.close());

const remove = (token: string, email: string) => people.host.client(token).addresses.deleteAccount({ email });

/** Somebody who is nobody's last owner: what they founded has another owner. */
async function free(name: string) {
  const [person, heir] = [await people.signUp(name), await people.signUp(`${name}-heir`)];
  const { members, invitations } = people.host.client(person.token);
  await invitations.createInvitation({ scopeId: person.orgId, email: emailOf(`${name}-heir`), role: Role.OWNER });
  const { token } = await people.mail.arrived(emailOf(`${name}-heir`), 'Invitation');
  await people.host.client(heir.token).invitations.acceptInvitation({ token });
  expect((await members.listBindings({ orgId: person.orgId })).bindings).toHaveLength(2);
  return { person, heir };
}

describe('deleting an account', () => {
  it('is refused to who is the last owner of an organization, saying which, and takes nothing away', async () => {
    const { token, orgId, userId } = await people.signUp('founder');
    const refused = await remove(token, emailOf('founder')).catch((error: unknown) => String(error));
    expect(refused).toContain(`you are the last owner of founder (${orgId})`);
    expect((await refusal(remove(token, emailOf('founder')))).reason).toBe('LAST_OWNER');
    const { bindings } = await people.host.client(token).members.listBindings({ orgId });
    expect(bindings.map((each) => each.subject)).toEqual([`user:${userId}`]);
  });

  it('wants the address, a person and a fresh proof of who they are', async () => {
    const { person, heir } = await free('careful');
    expect(await refusal(remove(person.token, emailOf('careful-heir')))).toEqual({
      code: Code.InvalidArgument,
      reason: 'INVALID_ARGUMENT',
    });
    const { secret } = await people.host
      .client(person.token)
      .apiKeys.createApiKey({ scopeId: person.orgId, name: 'key', role: Role.OWNER });
    expect((await refusal(remove(secret, emailOf('careful')))).reason).toBe('NOT_A_PERSON');
    await people.database.admin.query(
      `update tenant.session set authenticated_at = now() - interval '11 minutes' where user_id = $1`,
      [person.userId],
    );
    await until(
      'the step-up is due',
      async () => (await refusal(remove(person.token, 'other@example.com'))).reason === 'STEP_UP_REQUIRED',
    );
    expect((await refusal(remove(person.token, emailOf('careful')))).reason).toBe('STEP_UP_REQUIRED');
    expect((await people.host.client(heir.token).members.listBindings({ orgId: person.orgId })).bindings).toHaveLength(
      2,
    );
  });

  it('ends sessions, factors and memberships, tells the address, and leaves the organizations as they are', async () => {
    const { person, heir } = await free('leaver');
    const client = people.host.client(person.token);
    const { factorId, secret } = await client.factors.startTotp({ name: 'phone' });
    const totp = new TOTP({ secret: Secret.fromBase32(secret) });
    await client.factors.confirmTotp({ factorId, code: totp.generate() });
    const key = await client.apiKeys.createApiKey({ scopeId: person.orgId, name: 'ci', role: Role.VIEWER });
    const { group } = await client.groups.createGroup({ orgId: person.orgId, name: 'staff' });
    await client.groups.addGroupMember({ groupId: group?.id ?? '', subject: `user:${person.userId}` });
    await client.devices.beginDeviceLogin({});
    await remove(person.token, ` ${emailOf('leaver').toUpperCase()}`);

    await people.mail.arrived(emailOf('leaver'), 'Your account is deleted');
    await people.ended(person.token);
    const answer = people.host.client().accounts.signIn({ email: emailOf('leaver'), password });
    expect((await refusal(answer)).reason).toBe('WRONG_CREDENTIALS');
    const after = people.host.client(heir.token);
    const { bindings } = await after.members.listBindings({ orgId: person.orgId });
    expect(bindings.map((each) => [each.subject, each.role])).toEqual([[`user:${heir.userId}`, Role.OWNER]]);
    const { members } = await after.groups.listGroupMembers({ groupId: group?.id ?? '' });
    expect(members).toEqual([]);
    await people.host.client(key.secret).organizations.getOrganization({ orgId: person.orgId });
    await eventsOrdered(people.database, person.orgId);
    const { events } = await after.events.listEvents({ orgId: person.orgId });
    expect(events.map((each) => each.type)).toContain('dev.truffle.account.deleted.v1');
    for (const table of ['user', 'session', 'factor', 'recovery_code', 'device_login', 'challenge']) {
      const column = table === 'user' ? 'id' : 'user_id';
      const { rows } = await people.database.admin.query(`select from tenant."${table}" where ${column} = $1`, [
        person.userId,
      ]);
      expect(rows, table).toEqual([]);
    }
    // The address is free again, for another account.
    await people.host.client().accounts.signUp({ email: emailOf('leaver'), password, orgName: 'leaver-again' });
    const links = () =>
      people.mail.mails.filter((mail) => mail.to === emailOf('leaver') && mail.subject.includes('Finish'));
    await until('a mail to sign up again', () => links().length === 2);
    const made = await people.host.client().addresses.completeSignUp({ token: links().at(-1)?.token ?? '', password });
    expect(made.user?.id).not.toBe(person.userId);
  }, 60_000);

  it('of the two last owners at the same time lets one go', async () => {
    const { person, heir } = await free('racing');
    const own = people.host.client(heir.token);
    await own.invitations.createInvitation({ scopeId: heir.orgId, email: emailOf('racing'), role: Role.OWNER });
    const { token } = await people.mail.arrived(emailOf('racing'), 'Invitation');
    await people.host.client(person.token).invitations.acceptInvitation({ token });
    const outcomes = await Promise.allSettled([
      remove(person.token, emailOf('racing')),
      remove(heir.token, emailOf('racing-heir')),
    ]);
    expect(outcomes.filter((each) => each.status === 'fulfilled').length).toBeLessThanOrEqual(1);
    for (const orgId of [person.orgId, heir.orgId]) {
      const { rows } = await people.database.admin.query(
        `select from tenant.role_binding b join tenant."user" u on b.subject = 'user:' || u.id where b.org_id = $1 and b.role = $2`,
        [orgId, Role.OWNER],
      );
      expect(rows.length).toBeGreaterThanOrEqual(1);
    }
  }, 60_000);
});
