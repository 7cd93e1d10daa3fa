import { appendEvent } from '@truffle/database';
import { bells, PreconditionProblem, type Caller } from '@truffle/kit';
import { findUser } from '../account/account.repo.ts';
import { accountEvent, authorAs, demandSession, recorded, type Person } from '../account/person.usecases.ts';
import { countCode, forgetAttempts } from '../account/sign-in-attempt.ts';
import { newCredential, readCredential } from '../credential/credential.ts';
import type { TenantParts } from '../parts.ts';
import { findSession } from '../session/session.repo.ts';
import { openSession, type OpenedSession } from '../session/session.usecases.ts';
import {
  AuthorizationPendingProblem,
  DeviceCodeProblem,
  deviceLifetimeMs,
  LoginDeniedProblem,
  longestPollSeconds,
  pollSeconds,
  SlowDownProblem,
} from './device.ts';
import {
  decide,
  deleteDeviceLogin,
  findWaiting,
  insertDeviceLogin,
  lockByDevice,
  setPolled,
  type DeviceLoginRow,
} from './device.repo.ts';
import { newUserCode, userCodeDigest } from './user-code.ts';

export interface BegunDeviceLogin {
  readonly deviceCode: string;
  readonly userCode: string;
  readonly verificationUrl: string;
  readonly expiresAt: Date;
}

/** @throws PreconditionProblem where nobody knows what address people reach the product at */
export async function beginDeviceLogin(parts: TenantParts, caller: Caller): Promise<BegunDeviceLogin> {
  if (parts.origin === '')
    throw new PreconditionProblem(
      'NO_PUBLIC_URL',
      'sign-in by a code needs TRUFFLE_PUBLIC_URL; sign in with a password',
    );
  const { secret, sha256 } = newCredential('tfd');
  const userCode = newUserCode();
  const now = parts.now();
  const expiresAt = new Date(now.getTime() + deviceLifetimeMs);
  await parts.identity.anywhere((tx) =>
    insertDeviceLogin(tx, {
      device_sha256: sha256,
      user_code_sha256: userCodeDigest(userCode) ?? sha256,
      address: caller.address,
      user_agent: caller.userAgent ?? '',
      interval_seconds: pollSeconds,
      state: 0,
      created_at: now,
      expires_at: expiresAt,
    }),
  );
  return { deviceCode: secret, userCode, verificationUrl: `${parts.origin}/device`, expiresAt };
}

/** Opens the session of an approved sign-in, once. @throws AuthorizationPendingProblem, SlowDownProblem, LoginDeniedProblem, DeviceCodeProblem */
export async function pollDeviceLogin(parts: TenantParts, caller: Caller, deviceCode: string): Promise<OpenedSession> {
  const read = readCredential(deviceCode);
  if (read?.kind !== 'tfd') throw new DeviceCodeProblem();
  const now = parts.now();
  const row = await parts.identity.anywhere((tx) => lockByDevice(tx, read.sha256, now));
  if (row === undefined) throw new DeviceCodeProblem();
  const user = await parts.identity.anywhere((tx) => findUser(tx, row.user_id ?? ''));
  if (row.state !== 1 || user === undefined) throw await waiting(parts, row, now);
  const opened = await parts.identity.tenant(user.home_org_id, async (tx) => {
    if ((await lockByDevice(tx, read.sha256, now)) === undefined) throw new DeviceCodeProblem();
    await deleteDeviceLogin(tx, read.sha256);
    const session = await openSession(tx, user, caller, now, {
      orgId: row.confined_to,
      connectionId: row.connection_id,
      identityId: row.identity_id,
      authenticatedAt: row.authenticated_at ?? new Date(0),
    });
    const event = accountEvent(user, 'account.signed_in', { sessionId: session.sessionId, proof: 'device' });
    await appendEvent(tx, authorAs(user, caller), event);
    return session;
  });
  parts.bell.ring(bells.mail);
  return opened;
}

/** Why there is no session: noted, so that who asks too often has to wait longer. */
async function waiting(parts: TenantParts, row: DeviceLoginRow, now: Date): Promise<Error> {
  return parts.identity.anywhere(async (tx) => {
    if (row.state === 2) {
      await deleteDeviceLogin(tx, row.device_sha256);
      return new LoginDeniedProblem();
    }
    const early =
      row.polled_at !== null && now.getTime() - row.polled_at.getTime() < (row.interval_seconds - 0.5) * 1000;
    const interval = early ? Math.min(longestPollSeconds, row.interval_seconds + pollSeconds) : row.interval_seconds;
    await setPolled(tx, row.device_sha256, now, interval);
    return early ? new SlowDownProblem(interval) : new AuthorizationPendingProblem();
  });
}

/** Who asks by a code. @throws DeviceCodeProblem, TooManyAttemptsProblem */
export async function findDeviceLogin(parts: TenantParts, caller: Caller, userCode: string): Promise<DeviceLoginRow> {
  const { row } = await waitingFor(parts, caller, userCode);
  return row;
}

/** Lets who asks by a code in as the caller, with no more than the caller's own session is for. @throws as findDeviceLogin */
export async function approveDeviceLogin(parts: TenantParts, caller: Caller, userCode: string): Promise<void> {
  const { person, row } = await waitingFor(parts, caller, userCode);
  const session = await parts.identity.anywhere((tx) => findSession(tx, person.sessionId));
  const set = {
    state: 1,
    user_id: person.user.id,
    confined_to: person.confinedTo,
    connection_id: session?.connection_id ?? null,
    identity_id: session?.identity_id ?? null,
    authenticated_at: session?.authenticated_at ?? null,
  };
  await record(parts, caller, person, row, 'account.device_approved', set);
}

/** @throws as findDeviceLogin */
export async function denyDeviceLogin(parts: TenantParts, caller: Caller, userCode: string): Promise<void> {
  const { person, row } = await waitingFor(parts, caller, userCode);
  await record(parts, caller, person, row, 'account.device_denied', { state: 2 });
}

async function record(
  parts: TenantParts,
  caller: Caller,
  { user }: Person,
  row: DeviceLoginRow,
  name: string,
  set: Parameters<typeof decide>[2],
): Promise<void> {
  const data = { address: row.address, userAgent: row.user_agent };
  await recorded(parts, user, caller, name, data, async (tx) => {
    if (!(await decide(tx, row.user_code_sha256, set, parts.now()))) throw new DeviceCodeProblem();
  });
}

async function waitingFor(
  parts: TenantParts,
  caller: Caller,
  userCode: string,
): Promise<{ readonly person: Person; readonly row: DeviceLoginRow }> {
  const person = await demandSession(parts, caller);
  const digest = userCodeDigest(userCode);
  const now = parts.now();
  // Counted before it is looked up: who guessed too often learns nothing of the right one either.
  const counted = await countCode(parts.identity, `device ${person.user.id}`, now);
  const row = digest === undefined ? undefined : await parts.identity.anywhere((tx) => findWaiting(tx, digest, now));
  if (row === undefined) throw new DeviceCodeProblem();
  await forgetAttempts(parts.identity, counted, now);
  return { person, row };
}
