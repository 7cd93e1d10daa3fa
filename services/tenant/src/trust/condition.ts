import { valuesOf } from '../connection/mapping.ts';
import type { Claims } from '../issuer/token.ts';

/** What a claim must be; `*` in the pattern stands for any characters. */
export interface Condition {
  readonly claim: string;
  readonly pattern: string;
}

/** Claims that name a workload, and not only what it runs on: GitHub's, GitLab's, Kubernetes' and what is left in `sub`. */
const naming = new Set(
  'sub repository repository_id job_workflow_ref workflow_ref project_path project_id namespace_path ci_config_ref_uri kubernetes.io.serviceaccount.name terraform_workspace_id pipeline_id'.split(
    ' ',
  ),
);

/** Whether every condition holds. */
export const holds = (conditions: readonly Condition[], claims: Claims): boolean =>
  conditions.length > 0 &&
  conditions.every(({ claim, pattern }) => {
    const values = valuesOf(claims, claim);
    // A list could say one thing beside another: a workload has one name.
    return values.length === 1 && matches(pattern, values[0] ?? '');
  });

/**
 * Whether a condition says which workload: a claim that names one, whole or up to a separator after the owner. `repo:acme/*` does;
 * `repo:*` is everybody at the issuer, and `repo:ac*` is whoever takes a name that begins so.
 */
export function namesWorkload({ claim, pattern }: Condition): boolean {
  if (!naming.has(claim)) return false;
  const star = pattern.indexOf('*');
  if (star < 0) return true;
  const fixed = pattern.slice(0, star);
  const separators = fixed.match(/(?<=[\w-])[/:]/g)?.length ?? 0;
  return /[/:]$/.test(fixed) && separators >= (claim === 'sub' ? 2 : 1);
}

/** Compared piece by piece, without a regular expression that a long value could keep busy. */
export function matches(pattern: string, value: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  if (rest.length === 0) return value === first;
  const last = rest.pop() ?? '';
  if (!value.startsWith(first) || value.length < first.length + last.length || !value.endsWith(last)) return false;
  let at = first.length;
  for (const piece of rest) {
    const found = value.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return at <= value.length - last.length;
}
