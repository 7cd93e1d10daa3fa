import type { DescMethod, Message } from '@bufbuild/protobuf';
import { Code, type Transport } from '@connectrpc/connect';
import { Access } from '@truffle/api/options/v1/method';
import { rulesOf } from '@truffle/kit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { byPermission, call, everyMethod, everythingOf, requestOf, type Answer } from './contract.fixture.ts';
import { startControlPlane, type ControlPlane } from './control-plane.fixture.ts';
import { makeEverythingAtSite, type Everything } from './everything.fixture.ts';
import { absentLike, idPathsOf, keyOf, nameOf, putId, type IdPath } from './id-field.fixture.ts';
import { filtersOf, listRequest, pagedMethods, tokenFor, withToken } from './page-token.fixture.ts';

let plane: ControlPlane;
let victim: Everything;
let attacker: Everything;
let count = 0;

beforeAll(async () => {
  plane = await startControlPlane('victim');
  victim = await makeEverythingAtSite(plane, plane.owner, 'victim');
  attacker = await makeEverythingAtSite(plane, await plane.signUp('attacker'), 'attacker');
}, 120_000);

afterAll(async () => {
  await plane?.close();
}, 60_000);

const everythingOfVictim = () => everythingOf(plane.database, victim.owner.orgId, victim.userId);

/** A valid request with the victim's ids in every field, down to the last. */
function foreign(method: DescMethod): Message {
  const request = requestOf(method.input, () => undefined);
  for (const path of idPathsOf(method)) putId(request, path, idOf(victim, path));
  return request;
}

const idOf = (of: Everything, path: IdPath): string => of.ids[keyOf(path.at(-1)!)] ?? '';

/** An answer without the refused calls in the caller's own audit trail: those name what the caller asked for. */
const withoutRefusals = (text: string): string =>
  text.startsWith('{')
    ? JSON.stringify(JSON.parse(text), (_, value: unknown) => (isRefusal(value) ? null : value))
    : '';

const isRefusal = (value: unknown): boolean =>
  (value as { type?: unknown } | null)?.type === 'dev.truffle.call.refused.v1';

/** Methods with an id-bearing field beside the resource that decides who may call. */
const everyField = everyMethod.flatMap(([name, service, method]) => {
  const { access, resource } = rulesOf(method);
  return idPathsOf(method)
    .filter((path) => access !== Access.PERMISSION || path.length > 1 || path[0]?.name !== resource)
    .map((path) => [`${name} ${nameOf(path)}`, service, method, path] as const);
});

describe('another organization', { timeout: 120_000 }, () => {
  it('knows every id-bearing field', () => {
    const fields = everyMethod.flatMap(([, , method]) => idPathsOf(method).map((path) => keyOf(path.at(-1)!)));
    expect([...new Set(fields)].filter((name) => !(name in victim.ids))).toEqual([]);
    expect(Object.entries(victim.ids).filter(([, id]) => id === '')).toEqual([]);
  });

  it.each(byPermission)('finds nothing by %s and changes nothing', async (_name, service, method) => {
    const before = await everythingOfVictim();
    const answer = await call(plane.host.transport(attacker.owner.token), service, method, foreign(method));
    expect(answer, answer.text).toMatchObject({ code: Code.NotFound });
    expect(await everythingOfVictim()).toBe(before);
  });

  it.each(everyField)(
    'learns nothing by %s of the victim, not even whether it is there',
    async (_name, service, method, path) => {
      const theirs = idOf(victim, path);
      const absent = absentLike(theirs);
      const before = await everythingOfVictim();
      const ask = (id: string): Promise<Answer> =>
        call(plane.host.transport(attacker.owner.token), service, method, own(method, path, id));
      const [there, nothing] = [await ask(theirs), await ask(absent)];
      expect(there.code, `${there.text} instead of ${nothing.text}`).toBe(nothing.code);
      if (there.code !== undefined) expect(there.text.replaceAll(theirs, absent)).toBe(nothing.text);
      const said = withoutRefusals(there.text).replaceAll(theirs, '');
      for (const [name, id] of Object.entries(victim.ids)) expect(said, name).not.toContain(id);
      for (const text of ['secret-plans', 'victim@', 'victim-guest@']) expect(said).not.toContain(text);
      expect(await everythingOfVictim()).toBe(before);
    },
  );

  it.each(everyMethod.filter(([, , m]) => rulesOf(m).access !== Access.ANONYMOUS))(
    'is asked to sign in by %s',
    async (_name, service, method) => {
      for (const credential of [undefined, `tfk_${'0'.repeat(40)}`])
        expect(await call(plane.host.transport(credential), service, method, foreign(method))).toMatchObject({
          code: Code.Unauthenticated,
        });
    },
  );
});

describe('a page token', { timeout: 120_000 }, () => {
  it.each(pagedMethods)('of %s is good there, for who got it, and nowhere else', async (_name, service, method) => {
    const [theirs, others] = [plane.host.transport(victim.owner.token), plane.host.transport(attacker.owner.token)];
    const [mine, its] = [listRequest(method, victim.ids), listRequest(method, attacker.ids)];
    const subject = `user:${victim.userId}`;
    const orgId = rulesOf(method).access === Access.PERMISSION ? victim.owner.orgId : '';
    const good = tokenFor({ subject, orgId }, method, mine, victim.ids);
    const ask = (transport: Transport, request: Message, token: string) =>
      call(transport, service, method, withToken(request, token));
    const accepted = await ask(theirs, mine, good);
    expect(accepted.code, accepted.text).toBeUndefined();
    const [, , other] = pagedMethods[(pagedMethods.findIndex((each) => each[2] === method) + 1) % pagedMethods.length]!;
    const wrong: readonly (readonly [string, Transport, Message, string])[] = [
      ['with another caller', others, its, good],
      [
        'of another list',
        theirs,
        mine,
        tokenFor({ subject, orgId }, other, listRequest(other, victim.ids), victim.ids),
      ],
      [
        'of another organization',
        theirs,
        mine,
        tokenFor({ subject, orgId: attacker.owner.orgId }, method, mine, victim.ids),
      ],
      ['altered', theirs, mine, good.replace(/^./, (first) => (first === 'A' ? 'B' : 'A'))],
      ['without its seal', theirs, mine, good.slice(0, good.indexOf('.'))],
      ...filtersOf(method, victim.ids).map(
        ([name, filter]) => [`with another ${name}`, theirs, { ...mine, ...filter }, good] as const,
      ),
    ];
    for (const [which, transport, request, token] of wrong) {
      const answer = await ask(transport, request, token);
      expect(answer.code, `${which}: ${answer.text}`).toBe(Code.InvalidArgument);
      expect(answer.text, which).toContain('start again without page.token');
    }
  });
});

/** A request about the attacker's own things, with one foreign id in it. */
function own(method: DescMethod, foreignPath: IdPath, id: string): Message {
  const request = requestOf(method.input, () => undefined) as Message & Record<string, unknown>;
  const { resource } = rulesOf(method);
  const main = idPathsOf(method).find((path) => path.length === 1 && path[0]?.name === resource);
  if (main !== undefined) putId(request, main, idOf(attacker, main));
  for (const path of idPathsOf(method))
    if (path.length > 1 && path[0]?.fieldKind === 'message' && path[0] === foreignPath[0] && path !== foreignPath)
      putId(request, path, idOf(attacker, path));
  if ('name' in request) request['name'] = `fresh-${(count += 1)}`;
  // Either of two that say the same.
  const asked = foreignPath[0]?.name;
  if (asked === 'subject' && 'email' in request) request['email'] = '';
  if (asked !== 'subject' && 'subject' in request && 'email' in request) request['subject'] = '';
  if (asked === 'role_id' || asked === 'service_account_id') request['role'] = 0;
  putId(request, foreignPath, id);
  return request;
}
