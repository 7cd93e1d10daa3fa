import { verdictOf, type Bounds, type Grant, type GrantVerdict, type Scope } from '@truffle/kit';
import type { Binding } from '@truffle/api/tenant/v1/account';

/** A binding of somebody, with what people read about it. */
export interface HeldBinding {
  readonly binding: Binding;
  readonly grant: Grant;
  /** Through which group; empty when it is their own. */
  readonly groupName: string;
  readonly roleName: string;
}

export interface Reason extends HeldBinding {
  readonly verdict: GrantVerdict;
}

/** Whether somebody may, and what each of their bindings means for it: what decides first. */
export interface Explanation {
  readonly allowed: boolean;
  readonly summary: string;
  readonly reasons: readonly Reason[];
}

/** What one asks. */
export interface Question {
  readonly permission: string;
  readonly resourceId: string;
  readonly scope: Scope;
  readonly now: number;
}

const order: readonly GrantVerdict[] = [
  'denies',
  'allows',
  'not-yet',
  'expired',
  'narrowed',
  'other-permissions',
  'elsewhere',
];

/** Judges as the permission check does, and says why. */
export function explain(who: string, held: readonly HeldBinding[], question: Question): Explanation {
  const { permission, scope, now } = question;
  const reasons = held
    .map((each) => ({ ...each, verdict: verdictOf(each.grant, permission, scope, now) }))
    .filter(
      (each) => !(each.grant.deny === true && (each.verdict === 'other-permissions' || each.verdict === 'elsewhere')),
    )
    .toSorted((a, b) => order.indexOf(a.verdict) - order.indexOf(b.verdict));
  const [first] = reasons;
  return { allowed: first?.verdict === 'allows', summary: summaryOf(who, question, first), reasons };
}

function summaryOf(who: string, { permission, resourceId }: Question, first: Reason | undefined): string {
  const what = `${permission} on ${resourceId}`;
  if (first === undefined) return `${who} may not ${what}: no role was given to them in this organization`;
  const role = `the role ${first.roleName} at ${first.binding.scopeId}${first.groupName === '' ? '' : ` (through the group ${first.groupName})`}`;
  const because: Readonly<Record<GrantVerdict, string>> = {
    denies: `${role} is denied to them, and that wins over all that allows`,
    allows: `${role} has it`,
    'not-yet': `${role} would have it, but begins at ${timeOf(first.grant.startsAt)}`,
    expired: `${role} had it until ${timeOf(first.grant.expiresAt)}`,
    narrowed: `${role} has it, but the key is narrowed to other permissions or places`,
    'other-permissions': `none of their roles there has it; ${role} is the nearest`,
    elsewhere: `none of their roles reaches it; they have ${role}`,
  };
  return `${who} may ${first.verdict === 'allows' ? '' : 'not '}${what}: ${because[first.verdict]}`;
}

const timeOf = (at: number | undefined): string => (at === undefined ? '' : new Date(at).toISOString());

/** A grant with a key's narrowing. */
export const bounded = (grant: Grant, bounds: Bounds | undefined): Grant =>
  bounds === undefined ? grant : { ...grant, bounds };
