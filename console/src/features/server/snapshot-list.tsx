import { useQuery } from '@connectrpc/connect-query';
import type { Server } from '@truffle/api/orchestration/v1/cluster';
import { SnapshotService } from '@truffle/api/orchestration/v1/snapshot_service';
import { Code } from '@radix-ui/themes';
import { texts } from '../../texts/texts.ts';
import { Confirm } from '../../ui/confirm.tsx';
import { Act } from '../../ui/may.tsx';
import { Empty, Notice } from '../../ui/notice.tsx';
import { useSorting } from '../../ui/sorting.ts';
import { ListTable } from '../../ui/table.tsx';
import { Ago } from '../../ui/time.tsx';
import { isIdle, useServerActions } from './use-server-actions.ts';

const text = texts.server;
const newestFirst = 'made_at desc';

/** A server's snapshots: to put it back to, or to drop. */
export function SnapshotList({ server }: { readonly server: Server }) {
  const { data, error, refetch } = useQuery(SnapshotService.method.listSnapshots, { serverId: server.id });
  const actions = useServerActions(server);
  const sorting = useSorting(newestFirst);
  if (error !== null) return <Notice error={error} retry={() => void refetch()} />;
  if (data?.snapshots.length === 0)
    return (
      <Empty title={text.noSnapshots} hint={text.snapshotHint} command={`truffle server snapshot ${server.name}`} />
    );
  const idle = isIdle(server);
  return (
    <>
      {actions.error !== null && <Notice error={actions.error} />}
      <ListTable
        label={text.snapshots}
        // They came in one answer, newest first, as there are 32 at most.
        rows={sorting.by === newestFirst ? data?.snapshots : data?.snapshots.toReversed()}
        sorting={sorting}
        keyOf={({ name }) => name}
        columns={[
          { title: text.name, cell: ({ name }) => <Code>{name}</Code> },
          { title: text.madeAt, sort: 'made_at', cell: ({ madeAt }) => <Ago at={madeAt} /> },
          { title: text.memory, cell: ({ includeMemory }) => (includeMemory ? texts.access.yes : texts.access.no) },
          {
            title: text.actions,
            cell: ({ name }) => (
              <div className="row-actions">
                <Confirm
                  title={text.rollbackTitle(server.name)}
                  message={text.rollbackHint}
                  action={text.rollback}
                  name={server.name}
                  onConfirm={() => actions.rollback(name)}
                >
                  <Act
                    permission="server.rollback"
                    on={server.id}
                    size="1"
                    variant="soft"
                    color="amber"
                    disabled={!idle}
                  >
                    {text.rollback}
                  </Act>
                </Confirm>
                <Confirm
                  title={text.dropTitle}
                  message={text.dropHint}
                  action={texts.confirm.delete}
                  name={name}
                  onConfirm={() => actions.drop(name)}
                >
                  <Act permission="snapshot.delete" on={server.id} size="1" variant="soft" color="red" disabled={!idle}>
                    {texts.confirm.delete}
                  </Act>
                </Confirm>
              </div>
            ),
          },
        ]}
      />
    </>
  );
}
