import type { Operation } from '@truffle/api/orchestration/v1/operation';
import type { Server, Snapshot } from '@truffle/api/orchestration/v1/cluster';
import { parseDuration } from '../context/duration.ts';
import type { Handler } from '../command.ts';
import { keyed } from '../connection/connection.ts';
import { InterruptedError, UnknownNameError, UsageError } from '../failure/cli-error.ts';
import { nearest } from '../failure/nearest.ts';
import type { Invocation } from '../invocation.ts';
import { findServer, present } from '../lookup/find.ts';
import { settleOperation } from '../operation/operation.settle.ts';
import type { WaitFlags } from '../operation/wait.options.ts';
import { when } from '../output/text.ts';
import { askYes } from '../prompt/prompt.ts';
import type { Session } from '../session.ts';
import { serverView, snapshotView } from './server.view.ts';

interface YesFlag {
  readonly yes?: boolean;
}

type Started = { readonly operation?: Operation };

export const start: Handler<WaitFlags> = async (cli, [name = ''], flags) => {
  const { session, server } = await found(cli, name);
  await settle(cli, session, server, flags, await session.api.servers.startServer(about(server), keyed()));
};

/** Asks on a terminal only: what was stopped can be started again. */
export const stop: Handler<WaitFlags & YesFlag & { readonly grace?: string }> = async (cli, [name = ''], flags) => {
  const shutdownSeconds = flags.grace === undefined ? 0 : Math.ceil(parseDuration(flags.grace, '--grace') / 1_000);
  const { session, server } = await found(cli, name);
  if (cli.interactive) await demandYes(cli, `Stop the server ${server.name}?`, flags);
  const wanted = { ...about(server), shutdownSeconds };
  await settle(cli, session, server, flags, await session.api.servers.stopServer(wanted, keyed()));
};

export const snapshot: Handler<WaitFlags & { readonly memory?: boolean }> = async (cli, [name = ''], flags) => {
  const { session, server } = await found(cli, name);
  const wanted = { ...about(server), includeMemory: flags.memory === true };
  await settleOperation(
    cli,
    session,
    present((await session.api.snapshots.createSnapshot(wanted, keyed())).operation),
    flags,
    async ({ id }) => {
      const made = (await snapshotsOf(session, server)).find((each) => each.operationId === id);
      await cli.out.one(snapshotView, present(made));
      cli.notes.say(`go back to it: truffle server rollback ${server.name} ${present(made).name}`);
    },
  );
};

export const snapshots: Handler = async (cli, [name = '']) => {
  const { session, server } = await found(cli, name);
  await cli.out.list(snapshotView, await snapshotsOf(session, server));
};

/** To the newest snapshot unless one is named. */
export const rollback: Handler<WaitFlags & YesFlag> = async (cli, [name = '', wanted], flags) => {
  const { session, server } = await found(cli, name);
  const to = chosen(await snapshotsOf(session, server), server, wanted);
  await demandYes(
    cli,
    `Put ${server.name} back to ${to.name} of ${when(to.madeAt)}? What it wrote since is lost.`,
    flags,
  );
  const request = { ...about(server), snapshot: to.name };
  await settle(cli, session, server, flags, await session.api.snapshots.rollbackServer(request, keyed()));
};

export const deleteSnapshot: Handler<WaitFlags & YesFlag> = async (cli, [name = '', wanted = ''], flags) => {
  const { session, server } = await found(cli, name);
  const gone = chosen(await snapshotsOf(session, server), server, wanted);
  await demandYes(cli, `Delete the snapshot ${gone.name} of ${when(gone.madeAt)}?`, flags);
  const request = { ...about(server), snapshot: gone.name };
  await settle(cli, session, server, flags, await session.api.snapshots.deleteSnapshot(request, keyed()));
};

interface ResizeFlags extends WaitFlags {
  readonly cpu?: string;
  readonly memory?: string;
  readonly disk?: string;
  readonly allowRestart?: boolean;
}

export const resize: Handler<ResizeFlags> = async (cli, [name = ''], flags) => {
  const { parseQuantity } = await import('@truffle/template-language');
  const size = (text: string | undefined, option: string): bigint => {
    if (text === undefined) return 0n;
    const bytes = parseQuantity(text);
    if (bytes === undefined || bytes <= 0)
      throw new UsageError(`${option} ${JSON.stringify(text)} is no size`, { next: ['write it like 4GiB or 512MiB'] });
    return BigInt(Math.round(bytes));
  };
  const cpu = flags.cpu === undefined ? 0 : Number(flags.cpu);
  if (flags.cpu !== undefined && (!Number.isInteger(cpu) || cpu < 1 || cpu > 256))
    throw new UsageError(`--cpu ${flags.cpu} is none`, { next: ['give a number from 1 to 256'] });
  const wanted = { cpu, memoryBytes: size(flags.memory, '--memory'), diskBytes: size(flags.disk, '--disk') };
  if (cpu === 0 && wanted.memoryBytes === 0n && wanted.diskBytes === 0n)
    throw new UsageError('which size?', { next: ['--cpu COUNT, --memory SIZE or --disk SIZE'] });
  const { session, server } = await found(cli, name);
  const request = { ...about(server), ...wanted, allowRestart: flags.allowRestart === true };
  await settle(cli, session, server, flags, await session.api.servers.resizeServer(request, keyed()));
};

export const migrate: Handler<WaitFlags & { readonly withLocalDisks?: boolean }> = async (
  cli,
  [name = '', targetNode = ''],
  flags,
) => {
  const { session, server } = await found(cli, name);
  const request = { ...about(server), targetNode, withLocalDisks: flags.withLocalDisks === true };
  await settle(cli, session, server, flags, await session.api.servers.migrateServer(request, keyed()));
};

async function found(cli: Invocation, name: string): Promise<{ session: Session; server: Server }> {
  const session = await cli.session();
  return { session, server: await findServer(session, name) };
}

/** Only the server that was seen is changed: somebody else may have been faster. */
const about = ({ id, revision }: Server) => ({ serverId: id, revision });

const settle = (cli: Invocation, session: Session, { id }: Server, flags: WaitFlags, { operation }: Started) =>
  settleOperation(cli, session, present(operation), flags, async () =>
    cli.out.one(serverView, present((await session.api.servers.getServer({ serverId: id })).server)),
  );

const snapshotsOf = async (session: Session, { id }: Server): Promise<readonly Snapshot[]> =>
  (await session.api.snapshots.listSnapshots({ serverId: id })).snapshots;

function chosen(all: readonly Snapshot[], server: Server, name: string | undefined): Snapshot {
  const one = name === undefined ? all[0] : all.find((each) => each.name === name);
  if (one !== undefined) return one;
  if (name === undefined)
    throw new UsageError(`the server ${server.name} has no snapshot`, {
      next: [`truffle server snapshot ${server.name}`],
    });
  throw new UnknownNameError(
    `snapshot of ${server.name}`,
    name,
    [`truffle server snapshots ${server.name}`],
    nearest(
      name,
      all.map((each) => each.name),
    ),
  );
}

/** @throws InterruptedError for a no; UsageError when nobody is there to say yes */
async function demandYes(cli: Invocation, question: string, { yes = false }: YesFlag): Promise<void> {
  if (yes || (await askYes(cli, question))) return;
  throw new InterruptedError('nothing was done', ['repeat the command, or use --yes']);
}
