import { AllowlistSchema, type AllowedRange } from '@truffle/api/tenant/v1/allowlist';
import type { Handler } from '../command.ts';
import { present } from '../lookup/find.ts';
import type { View } from '../output/output.ts';

const everybody = 'everybody';
const text = (ranges: readonly AllowedRange[]): string => ranges.map((each) => each.cidr).join(', ') || everybody;

const allowlistView: View<typeof AllowlistSchema> = {
  schema: AllowlistSchema,
  name: (each) => each.orgId,
  columns: {
    SESSIONS: (each) => text(each.sessions),
    'API KEYS': (each) => text(each.apiKeys),
    AGENTS: (each) => text(each.agents),
    REVISION: (each) => String(each.revision),
  },
};

export const get: Handler = async (cli) => {
  const session = await cli.session();
  const { allowlist, callerAddress } = await session.api.allowlists.getAllowlist({ orgId: await session.orgId() });
  await cli.out.one(allowlistView, present(allowlist));
  cli.notes.say(`you call from ${callerAddress}`);
};

/** Ranges as a flag gives them; those of before when it was not given. What was noted of a range stays with it. */
function rangesOf(
  flag: string | undefined,
  before: readonly AllowedRange[],
): { readonly cidr: string; readonly note: string }[] {
  if (flag === undefined) return before.map(({ cidr, note }) => ({ cidr, note }));
  const given = flag.split(',').map((each) => each.trim());
  return given
    .filter((cidr) => cidr !== '')
    .map((cidr) => ({ cidr, note: before.find((each) => each.cidr === cidr)?.note ?? '' }));
}

export const set: Handler<{
  readonly sessions?: string;
  readonly apiKeys?: string;
  readonly agents?: string;
  readonly force?: boolean;
}> = async (cli, _, flags) => {
  const session = await cli.session();
  const orgId = await session.orgId();
  const before = present((await session.api.allowlists.getAllowlist({ orgId })).allowlist);
  const { allowlist } = await session.api.allowlists.setAllowlist({
    orgId,
    sessions: rangesOf(flags.sessions, before.sessions),
    apiKeys: rangesOf(flags.apiKeys, before.apiKeys),
    agents: rangesOf(flags.agents, before.agents),
    revision: before.revision,
    force: flags.force ?? false,
  });
  await cli.out.one(allowlistView, present(allowlist));
};
