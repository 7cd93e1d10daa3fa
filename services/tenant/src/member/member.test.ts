import { Code } from '@connectrpc/connect';
import { Role } from '@truffle/api/tenant/v1/account';
import { eventsOrdered, until } from '@truffle/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { emailOf, password, reasonOf, refusal } from '../people.fixture.ts';
import { startSso, type Owner, type SsoWorld } from '../sso/sso.fixture.ts';

let world: SsoWorld;
let owner: Owner;
let member: Owner;
const client = (token?: string) => world.people.host.client(token);
const read = (token: string, orgId = owner.orgId) => client(token).organizations.getOrganization({ orgId });
const signOut = (token: string, email: string, orgId = owner.orgId) =>
  client(token).memberSessions.signOutMember({ orgId, email });

/** A change is in force within 5 s. */
const refusedFor = (token: string, reason: string) =>
  until(`the session is refused for ${reason}`, async () => (await reasonOf(read(token))) === reason);

async function invite(name: string, role: Role): Promise<Owner> {
  const made = await world.people.signUp(name);
  await client(owner.token).invitations.createInvitation({ scopeId: owner.orgId, email: emailOf(name), role });
  const { token } = await world.people.mail.arrived(emailOf(name), 'Invitation');
  await client(made.token).invitations.acceptInvitation({ token });
  return made;
}

beforeAll(async () => {
  world = await startSso();
  owner = await world.people.signUp('ada');
  member = await invite('bob', Role.VIEWER);
}, 120_000);

afterAll(async () => world?.close(), 60_000);

describe('an administrator', () => {
  it('ends a member’s sessions for the organization, and nowhere else', async () => {
    const other = await world.people.signIn('bob');
    await read(other);
    expect(await signOut(owner.token, emailOf('bob'))).toMatchObject({ everywhere: false, ended: 0 });
    for (const token of [member.token, other]) await refusedFor(token, 'STEP_UP_REQUIRED');
    await read(member.token, member.orgId);
    await eventsOrdered(world.people.database, owner.orgId);
    const { events } = await client(owner.token).events.listEvents({ orgId: owner.orgId });
    expect(events.find((each) => each.type === 'dev.truffle.member.signed_out.v1')).toMatchObject({
      actor: { subject: `user:${owner.userId}` },
    });
  });

  it('lets them in again when they sign in, or prove anew who they are', async () => {
    await read(await world.people.signIn('bob'));
    const proof = { proof: { case: 'password', value: password } } as const;
    const { sessionToken } = await client(member.token).sessions.stepUp({ proof });
    await read(sessionToken);
    // The token of before the proof is not let in by it.
    const late = await refusal(read(member.token));
    expect(['STEP_UP_REQUIRED', 'INVALID_CREDENTIAL']).toContain(late.reason);
  });

  it('ends none of who may more, of who is no member, and none without the permission', async () => {
    const admin = await invite('cyd', Role.ADMIN);
    const { token } = await world.people.signUp('dan');
    expect((await refusal(signOut(admin.token, emailOf('ada')))).code).toBe(Code.PermissionDenied);
    expect((await refusal(signOut(admin.token, emailOf('dan')))).code).toBe(Code.NotFound);
    expect((await refusal(signOut(admin.token, 'nobody@example.com'))).code).toBe(Code.NotFound);
    expect((await refusal(signOut(token, emailOf('bob')))).code).toBe(Code.NotFound);
    const viewer = await world.people.signIn('bob');
    expect((await refusal(signOut(viewer, emailOf('cyd')))).code).toBe(Code.PermissionDenied);
    await signOut(admin.token, emailOf('bob'));
    await read(owner.token);
  });

  it('ends them everywhere where the organization has proven the domain of their address', async () => {
    const connection = await world.connect(owner);
    await world.prove(owner, connection.id, 'example.com');
    const own = await world.people.signIn('bob');
    const provided = await world.signIn(connection.id, { sub: 'bob', email: emailOf('bob'), email_verified: true });
    await read(provided.sessionToken);
    const answer = await signOut(owner.token, emailOf('bob'));
    expect(answer.everywhere).toBe(true);
    expect(answer.ended).toBeGreaterThan(1);
    await Promise.all([own, provided.sessionToken].map((token) => world.people.ended(token)));
    await read(await world.people.signIn('bob'));
  });
});
