/**
 * The permission check in process, with 1,000 bindings of one subject, beside a floor: one look into a set. And an API key's check, warm: the
 * kit's cache of credentials, beside its own floor, one SHA-256.
 * Run: node bench/authorize.ts
 */
import { createHash } from 'node:crypto';
import { create } from '@bufbuild/protobuf';
import { Access } from '@truffle/api/options/v1/method';
import { BindingSchema, Effect, Role } from '@truffle/api/tenant/v1/account';
import { AuthenticateResponseSchema } from '@truffle/api/tenant/v1/identity_service';
import { newId } from '@truffle/ids';
import { allows, knownPermissions, viewOf, type Grant } from '@truffle/kit';
import { Identifier } from '../packages/kit/src/identify.ts';
import { median, percentile } from './quantile.ts';

const count = 1_000;
const rounds = 5;
const calls = 20_000;
const orgId = newId('org');
const now = Date.now();
const permissions = [...knownPermissions()];
const roles = Array.from({ length: 20 }, (_, i) => new Set(permissions.filter((_p, j) => (i + j) % 3 === 0)));

/** Half built-in, half custom; a tenth denies, a tenth has times; at projects and clusters. The one that allows is the last. */
const grants: Grant[] = Array.from({ length: count - 1 }, (_, i) => ({
  orgId,
  scopeId: i % 2 === 0 ? newId('prj') : newId('clu'),
  role: i % 4 < 2 ? Role.OPERATOR : Role.UNSPECIFIED,
  permissions: i % 4 < 2 ? undefined : roles[i % roles.length],
  deny: i % 10 === 0,
  ...(i % 10 === 1 ? { startsAt: now - 1, expiresAt: now + 3_600_000 } : {}),
}));
grants.push({ orgId, scopeId: orgId, role: Role.OWNER });
const [projectId, workspaceId, clusterId] = [newId('prj'), newId('wks'), newId('clu')];
const scope = { orgId, workspaceId, projectId, resourceIds: [newId('srv'), clusterId] };

interface Timing {
  readonly p50: number;
  readonly p99: number;
}

/** Microseconds of each of `calls` calls: the medians of the rounds' p50 and p99. */
async function timed(work: (i: number) => unknown): Promise<Timing> {
  const found: Timing[] = [];
  for (let round = 0; round <= rounds; round++) {
    const times: number[] = [];
    for (let i = 0; i < calls; i++) {
      const began = performance.now();
      const answer = work(i);
      if (answer instanceof Promise) await answer;
      times.push((performance.now() - began) * 1_000);
    }
    // The first one warms up.
    if (round > 0) found.push({ p50: percentile(times, 0.5), p99: percentile(times, 0.99) });
  }
  return { p50: median(found.map((each) => each.p50)), p99: median(found.map((each) => each.p99)) };
}

const permissionOf = (i: number): string => permissions[i % permissions.length] ?? '';
const known = new Set(permissions);

const bindings = grants.map((grant) =>
  create(BindingSchema, {
    orgId,
    scopeId: grant.scopeId,
    role: grant.role === Role.UNSPECIFIED ? Role.VIEWER : grant.role,
    effect: grant.deny === true ? Effect.DENY : Effect.ALLOW,
  }),
);
/** What a key's check costs while the tenant service's answer is remembered: who asks it is left out. */
const answer = create(AuthenticateResponseSchema, { subject: `key:${newId('key')}`, bindings });
const peers = { client: () => ({ authenticate: () => Promise.resolve(answer) }) };
const identifier = new Identifier(peers as never, undefined as never);
const secret = `tfk_${'0'.repeat(49)}`;
const header = new Headers({ authorization: `Bearer ${secret}` });

const results: readonly (readonly [string, Timing])[] = [
  ['floor: one look into a set', await timed((i) => known.has(permissionOf(i)))],
  ['allows, 1,000 bindings', await timed((i) => allows(grants, permissionOf(i), scope, now))],
  ['viewOf (a filtered list), 1,000 bindings', await timed((i) => viewOf(grants, permissionOf(i), scope, now))],
  ['floor: one SHA-256 of a key', await timed(() => createHash('sha256').update(secret).digest('base64url'))],
  ['an API key, warm', await timed(() => identifier.identify(Access.AUTHENTICATED, header, 'request-1', '127.0.0.1'))],
];

let floor = results[0]?.[1];
for (const [name, timing] of results) {
  if (name.startsWith('floor')) floor = timing;
  const ratio = timing.p50 / (floor?.p50 ?? Number.NaN);
  console.log(
    `${name.padEnd(42)} p50 ${timing.p50.toFixed(2).padStart(8)} µs  p99 ${timing.p99.toFixed(2).padStart(8)} µs  ${ratio.toFixed(1)}x`,
  );
}
