import { ActionKind, type Plan } from '@truffle/api/orchestration/v1/cluster';
import { CliError, exitCodes } from '../failure/cli-error.ts';
import { table } from '../output/table.ts';
import { bytes, stateName } from '../output/text.ts';

/** The site refuses the plan, or has no room for it. */
export class PlanRefusedError extends CliError {
  override readonly name = 'PlanRefusedError';
  constructor(plan: Plan) {
    const [first] = plan.refusals;
    super(
      exitCodes.failure,
      first?.reason || 'DOES_NOT_FIT',
      first === undefined ? 'the site has no room for it' : `it can't be done: ${first.message}`,
      {
        details: plan.refusals.flatMap((each, i) => [
          ...(i === 0 ? [] : [each.message]),
          ...(each.cause ? [`cause: ${each.cause}`] : []),
        ]),
        next: plan.refusals
          .map((each) => each.remedy)
          .filter(Boolean)
          .concat(plan.refusals.length === 0 ? ['make it smaller, or choose another agent'] : []),
      },
    );
  }
}

/** Whether it can be done. */
export const canBeDone = (plan: Plan): boolean => plan.fits && plan.refusals.length === 0;

/** The plan as people read it. */
export function planText(plan: Plan): string {
  const rows = plan.actions.map((each) => [
    stateName(ActionKind, each.kind),
    each.resource,
    each.name,
    each.node || '-',
    each.detail,
  ]);
  return [
    table(['ACTION', 'WHAT', 'NAME', 'NODE', 'DETAIL'], rows),
    `in all: ${plan.totalCpu} processors, ${bytes(plan.totalMemoryBytes)} memory, ${bytes(plan.totalDiskBytes)} disk`,
    ...(plan.generatedSecrets.length === 0 ? [] : [`made on the site: ${plan.generatedSecrets.join(', ')}`]),
  ].join('\n');
}
