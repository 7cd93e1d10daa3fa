import { Code } from '@connectrpc/connect';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { Effect, Role } from '@truffle/api/tenant/v1/account';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { emailOf, password, refusal, startPeople, type People } from '../people.fixture.ts';

let people: People;
let owner: Awaited<ReturnType<People['signUp']>>;
let member: Awaited<ReturnType<People['signUp']>>;
const client = (token?: string) => people.host.client(token);

beforeAll(async () => {
  people = await startPeople();
  owner = await people.signUp('ada');
  member = await people.signUp('bob');
  const { invitations } = client(owner.token);
  await invitations.createInvitation({ scopeId: owner.orgId, email: emailOf('bob'), role: Role.OPERATOR });
  const { token } = await people.mail.arrived(emailOf('bob'), 'Invitation');
  await client(member.token).invitations.acceptInvitation({ token });
});

afterAll(async () => people?.close());

const start = (token: string, more: object = {}) =>
  client(token).impersonations.startImpersonation({
    orgId: owner.orgId,
    email: emailOf('bob'),
    reason: 'ticket 4711',
    ...more,
  });

const give = (token: string, userId: string, role: Role, effect = Effect.ALLOW) =>
  client(token).members.setBinding({ scopeId: owner.orgId, subject: `user:${userId}`, role, effect });

/** How a call ends, once it is as expected: a changed role is in force within 5 s. */
const becomes = (work: () => Promise<unknown>, expected: 'done' | 'refused') =>
  expect
    .poll(
      () =>
        work().then(
          () => 'done',
          () => 'refused',
        ),
      { timeout: 10_000 },
    )
    .toBe(expected);

describe('who acts as a member', () => {
  it('does what both may, under their own name in the member’s, and nothing elsewhere', async () => {
    const { sessionToken, sessionId, expiresAt } = await start(owner.token);
    expect(Number(expiresAt?.seconds) - Date.now() / 1000).toBeLessThanOrEqual(1800);
    const as = client(sessionToken);
    const who = await as.accounts.whoAmI({});
    expect([who.user?.email, who.actedBy]).toEqual([emailOf('bob'), `user:${owner.userId}`]);
    expect((await as.organizations.listOrganizations({})).organizations.map((each) => each.id)).toEqual([owner.orgId]);
    await as.organizations.getOrganization({ orgId: owner.orgId });
    // The owner may make groups, the member may not; the member owns an organization that the owner does not reach.
    const make = (name: string) => as.groups.createGroup({ orgId: owner.orgId, name });
    expect((await refusal(make('no'))).code).toBe(Code.PermissionDenied);
    expect((await refusal(as.organizations.getOrganization({ orgId: member.orgId }))).code).toBe(Code.NotFound);

    await give(owner.token, member.userId, Role.ADMIN);
    await becomes(() => make('by-both'), 'done');
    const actors = async () => {
      const { events } = await client(owner.token).events.listEvents({ orgId: owner.orgId });
      return events
        .filter(({ type }) => /group.created|impersonation.started/.test(type))
        .map(({ actor }) => [actor?.subject, actor?.onBehalfOf]);
    };
    const both = [`user:${owner.userId}`, `user:${member.userId}`];
    await expect.poll(actors).toEqual(expect.arrayContaining([both, [`user:${owner.userId}`, '']]));
    const endAt = (token: string, orgId: string) => client(token).impersonations.endImpersonation({ orgId, sessionId });
    expect((await refusal(endAt(member.token, member.orgId))).code).toBe(Code.NotFound);
    await endAt(owner.token, owner.orgId);
    await endAt(owner.token, owner.orgId);
    await people.ended(sessionToken);
  });

  it('touches no account, key, session or factor of theirs, and acts as nobody else', async () => {
    const { sessionToken } = await start(owner.token);
    const as = client(sessionToken);
    const { orgId } = owner;
    const calls: Record<string, () => Promise<unknown>> = {
      password: () => as.accounts.changePassword({ oldPassword: password, newPassword: 'another horse battery' }),
      address: () => as.addresses.changeAddress({ email: 'x@example.com' }),
      factors: () => as.factors.listFactors({}),
      totp: () => as.factors.startTotp({ name: 'x' }),
      passkey: () => as.factors.startPasskey({ name: 'x' }),
      codes: () => as.factors.regenerateRecoveryCodes({}),
      sessions: () => as.sessions.listSessions({}),
      others: () => as.sessions.revokeOtherSessions({}),
      stepUp: () => as.sessions.startStepUp({}),
      proof: () => as.sessions.stepUp({ proof: { proof: { case: 'password', value: password } } }),
      device: () => as.devices.approveDeviceLogin({ userCode: 'BCDF-GHJK' }),
      identities: () => as.sso.listIdentities({}),
      organization: () => as.organizations.createOrganization({ name: 'own', title: 'Own' }),
      key: () => as.apiKeys.createApiKey({ scopeId: orgId, name: 'x', role: Role.VIEWER }),
      again: () => start(sessionToken, { email: emailOf('ada') }),
    };
    for (const [name, call] of Object.entries(calls))
      expect(await refusal(call()), name).toEqual({ code: Code.PermissionDenied, reason: 'ACTING_FOR_SOMEBODY' });
    // Not dangerous by the contract, but lasting or of others' credentials: neither has it in the other's name.
    const bounded: Record<string, () => Promise<unknown>> = {
      keys: () => as.apiKeys.listApiKeys({ orgId }),
      trusts: () => as.trusts.listTrusts({ orgId }),
      end: () => as.impersonations.endImpersonation({ orgId, sessionId: `ses_${'0'.repeat(26)}` }),
      owner: () => give(sessionToken, member.userId, Role.OWNER),
    };
    for (const [name, call] of Object.entries(bounded))
      expect((await refusal(call())).code, name).toBe(Code.PermissionDenied);
    await as.accounts.signOut({});
    await people.ended(sessionToken);
    await client(member.token).accounts.whoAmI({});
  });

  it('is told to the member, who ends it', async () => {
    const { sessionToken, sessionId } = await start(owner.token, { reason: 'why\r\nBcc: x@example.com' });
    expect((await people.mail.arrived(emailOf('bob'), 'Somebody acts as you')).text).toContain(emailOf('ada'));
    const { sessions } = await client(member.token).sessions.listSessions({});
    const acted = sessions.filter((each) => each.actedBy !== '').map(({ id, actedBy }) => [id, actedBy]);
    expect(acted).toContainEqual([sessionId, emailOf('ada')]);
    await client(member.token).sessions.revokeSession({ sessionId });
    await people.ended(sessionToken);
  });

  it('is a person with the permission, for members of the organization alone, for an hour at most', async () => {
    const carol = await people.signUp('carol');
    expect((await refusal(start(carol.token))).code).toBe(Code.NotFound);
    expect((await refusal(start(member.token, { email: emailOf('ada') }))).code).toBe(Code.PermissionDenied);
    expect((await refusal(start(owner.token, { email: emailOf('carol') }))).code).toBe(Code.NotFound);
    expect((await refusal(start(owner.token, { email: emailOf('nobody') }))).code).toBe(Code.NotFound);
    for (const wrong of [{ email: emailOf('ada') }, { lifetime: durationFromMs(3_601_000) }, { reason: '' }])
      expect((await refusal(start(owner.token, wrong))).code).toBe(Code.InvalidArgument);
    const { secret } = await client(owner.token).apiKeys.createApiKey({
      scopeId: owner.orgId,
      name: 'owner',
      role: Role.OWNER,
    });
    expect((await refusal(start(secret))).reason).toBe('NOT_A_PERSON');
  });

  it('ends with the session that opened it, and with the permission', async () => {
    const own = await people.signIn('ada');
    const first = await start(own);
    await client(own).accounts.signOut({});
    await people.ended(first.sessionToken);
    const second = await start(owner.token);
    await give(owner.token, member.userId, Role.OWNER);
    await becomes(() => give(member.token, owner.userId, Role.ADMIN), 'done');
    await people.ended(second.sessionToken);
    await give(member.token, owner.userId, Role.OWNER);
  });

  it('is denied what either is denied', async () => {
    const { sessionToken } = await becomesOwner();
    const read = () => client(sessionToken).groups.listGroups({ orgId: owner.orgId });
    await becomes(read, 'done');
    await give(member.token, owner.userId, Role.VIEWER, Effect.DENY);
    await becomes(read, 'refused');
  });
});

/** The owner's role was given back a moment ago. */
async function becomesOwner(): Promise<{ readonly sessionToken: string }> {
  let opened: { readonly sessionToken: string } | undefined;
  await becomes(async () => (opened ??= await start(owner.token)), 'done');
  if (opened === undefined) throw new Error('no session was opened');
  return opened;
}
