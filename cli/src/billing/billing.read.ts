import { UsageFactSchema } from '@truffle/api/billing/v1/plan';
import { GetEntitlementsResponseSchema } from '@truffle/api/billing/v1/plan_service';
import type { Handler } from '../command.ts';
import { asJson, type View } from '../output/output.ts';
import { table } from '../output/table.ts';
import { when } from '../output/text.ts';

const usageView: View<typeof UsageFactSchema> = {
  schema: UsageFactSchema,
  name: (each) => each.id,
  columns: {
    METER: (each) => each.meter,
    QUANTITY: (each) => String(each.quantity),
    FROM: (each) => when(each.windowStart),
    TO: (each) => when(each.windowEnd),
  },
};

export const entitlements: Handler = async (cli) => {
  const session = await cli.session();
  const answer = await session.api.plans.getEntitlements({ orgId: await session.orgId() });
  const rows = answer.entitlements.map((each) => [
    each.quota,
    String(each.used),
    each.limit === undefined ? 'unlimited' : String(each.limit),
  ]);
  const text = `plan: ${answer.plan?.title || answer.plan?.name || '-'}\n${table(['QUOTA', 'USED', 'LIMIT'], rows)}`;
  await cli.out.plain(await asJson(GetEntitlementsResponseSchema, answer), text, answer.plan?.name ?? '');
};

export const usage: Handler = async (cli) => {
  const session = await cli.session();
  const { facts } = await session.api.plans.listUsage({ orgId: await session.orgId(), page: { size: 200, token: '' } });
  await cli.out.list(usageView, facts);
};
