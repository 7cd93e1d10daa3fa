import { Code } from '@connectrpc/connect';
import { Role } from '@truffle/api/tenant/v1/account';
import { until } from '@truffle/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { emailOf, reasonOf, refusal } from '../people.fixture.ts';
import { startSso, type Owner, type SsoWorld } from './sso.fixture.ts';

let world: SsoWorld;
let owner: Owner;
let member: Owner;
const client = (token?: string) => world.people.host.client(token);

beforeAll(async () => {
  world = await startSso();
  owner = await world.people.signUp('ada');
  member = await world.people.signUp('bob');
  const { invitations } = client(owner.token);
  await invitations.createInvitation({ scopeId: owner.orgId, email: emailOf('bob'), role: Role.VIEWER });
  const { token } = await world.people.mail.arrived(emailOf('bob'), 'Invitation');
  await client(member.token).invitations.acceptInvitation({ token });
});

afterAll(async () => world?.close());

const read = (token: string, orgId = owner.orgId) => client(token).organizations.getOrganization({ orgId });

/** A change is in force within 5 s. */
const inForce = (what: string, reason: string | undefined) =>
  until(what, async () => (await reasonOf(read(member.token))) === reason);

describe('a session that was opened before', () => {
  it('an organization demanded its provider reaches it no longer, but what else the person has', async () => {
    const connection = await world.connect(owner);
    await world.prove(owner, connection.id, 'example.com');
    await read(member.token);
    const { connections } = client(owner.token);
    await connections.requireDomain({ connectionId: connection.id, domain: 'example.com', required: true });
    await inForce('the session to be asked again', 'SSO_REQUIRED');
    expect((await refusal(read(member.token))).code).toBe(Code.PermissionDenied);
    await read(member.token, member.orgId);
    // Owners are in the domain too.
    await read(owner.token);
    const there = await world.signIn(connection.id, { sub: 'bob', email: emailOf('bob'), email_verified: true });
    await read(there.sessionToken);
    await connections.requireDomain({ connectionId: connection.id, domain: 'example.com', required: false });
    await inForce('the session to be let in again', undefined);
  });
});
