import { idKind, idKinds } from '@truffle/ids';
import { allows, NotFoundProblem, scopeOf, type Caller } from '@truffle/kit';
import { findUserByEmail } from '../account/account.repo.ts';
import type { TenantParts } from '../parts.ts';
import { displayNamesOf } from '../subject/subject.repo.ts';
import { explain, type Explanation, type HeldBinding, type Question, type Reason } from './access.ts';
import { heldBy, heldByKey, heldBySubject, listSubjects } from './access.repo.ts';
import { demandKnown } from './catalogue.ts';
import { findKey } from '../api-key/api-key.repo.ts';

/** Somebody who may, and by which bindings. */
export interface Holder {
  readonly subject: string;
  readonly displayName: string;
  readonly reasons: readonly Reason[];
}

/**
 * Why the caller may or may not do something with a resource.
 * @throws NotFoundProblem when it is not there, or nothing of what they were given reaches it: the two can't be told apart
 */
export async function explainOwn(
  parts: TenantParts,
  caller: Caller,
  permission: string,
  resourceId: string,
): Promise<Explanation> {
  demandKnown(permission);
  const now = parts.now().getTime();
  const scope = await parts.places.locate(caller, resourceId);
  if (scope === undefined) throw missing(resourceId);
  const held = await parts.tenants.tenant(scope.orgId, (tx) => heldBySubject(tx, caller.subject));
  const answer = explain('you', held ?? [], { permission, resourceId, scope, now });
  if (answer.reasons.every(({ verdict }) => verdict === 'elsewhere')) throw missing(resourceId);
  return { ...answer, reasons: answer.reasons.filter(({ verdict }) => verdict !== 'elsewhere') };
}

/** Why somebody may or may not do something with the call's resource. @throws InvalidProblem, NotFoundProblem without such a subject */
export async function explainOther(
  parts: TenantParts,
  caller: Caller,
  wanted: {
    readonly subject: string;
    readonly email: string;
    readonly permission: string;
    readonly resourceId: string;
  },
): Promise<Explanation> {
  demandKnown(wanted.permission);
  const subject = wanted.email === '' ? wanted.subject : await byEmail(parts, wanted.email);
  const held = await parts.tenants.tenant(caller.orgId, (tx) => heldBySubject(tx, subject));
  // Who has nothing here is nobody that this organization knows.
  if (held === undefined || held.length === 0) throw new NotFoundProblem('member', wanted.email || wanted.subject);
  const names = await displayNamesOf(parts, caller.orgId, [subject]);
  return explain(names.get(subject) ?? subject, held, questionOf(parts, caller, wanted.permission, wanted.resourceId));
}

/** Who may do something with the call's resource: at most `limit` of them, by subject, after `after`. */
export async function whoCan(
  parts: TenantParts,
  caller: Caller,
  wanted: { readonly permission: string; readonly resourceId: string; readonly after: string | undefined },
  limit: number,
): Promise<Holder[]> {
  demandKnown(wanted.permission);
  const question = questionOf(parts, caller, wanted.permission, wanted.resourceId);
  const found = await parts.tenants.tenant(caller.orgId, async (tx) => {
    const holders: Omit<Holder, 'displayName'>[] = [];
    for (let after = wanted.after; holders.length < limit;) {
      const subjects = await listSubjects(tx, after, batch, parts.now());
      const held = await heldBy(
        tx,
        subjects.filter((subject) => !subject.startsWith('key:')),
      );
      for (const subject of subjects) {
        const its = held.get(subject) ?? (await heldOfKey(subject));
        if (allowed(its, question)) holders.push({ subject, reasons: deciding(subject, its, question) });
        if (holders.length === limit) break;
      }
      after = subjects.at(-1);
      if (subjects.length < batch) break;
    }
    return holders;
    async function heldOfKey(subject: string): Promise<HeldBinding[]> {
      const key = await findKey(tx, subject.slice('key:'.length));
      return key === undefined ? [] : heldByKey(tx, key);
    }
  });
  const names = await displayNamesOf(
    parts,
    caller.orgId,
    found.map((each) => each.subject),
  );
  return found.map((each) => ({ ...each, displayName: names.get(each.subject) ?? '' }));
}

/** Subjects that are looked at in one go. */
const batch = 200;

const allowed = (held: readonly HeldBinding[], { permission, scope, now }: Question): boolean =>
  allows(
    held.map((each) => each.grant),
    permission,
    scope,
    now,
  );

const deciding = (subject: string, held: readonly HeldBinding[], question: Question): Reason[] =>
  explain(subject, held, question).reasons.filter(({ verdict }) => verdict === 'allows');

const questionOf = (parts: TenantParts, caller: Caller, permission: string, resourceId: string): Question => ({
  permission,
  resourceId,
  scope: scopeOf(caller),
  now: parts.now().getTime(),
});

async function byEmail(parts: TenantParts, email: string): Promise<string> {
  const user = await parts.identity.anywhere((tx) => findUserByEmail(tx, email));
  if (user === undefined) throw new NotFoundProblem('member', email);
  return `user:${user.id}`;
}

const missing = (id: string): NotFoundProblem => {
  const kind = idKind(id);
  return new NotFoundProblem(kind === undefined ? 'resource' : idKinds[kind], id);
};
