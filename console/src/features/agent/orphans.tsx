import { useMutation } from '@connectrpc/connect-query';
import type { Agent } from '@truffle/api/agent/v1/agent';
import { OrphanService, OrphanState } from '@truffle/api/orchestration/v1/orphan_service';
import { Flex, Text } from '@radix-ui/themes';
import { texts } from '../../texts/texts.ts';
import { StateBadge } from '../../ui/badge.tsx';
import { Confirm } from '../../ui/confirm.tsx';
import { Copy } from '../../ui/copy.tsx';
import { Act } from '../../ui/may.tsx';
import { Empty, Notice } from '../../ui/notice.tsx';
import { ListTable } from '../../ui/table.tsx';

const text = texts.agent.orphans;
const colors = {
  [OrphanState.FOUND]: 'amber',
  [OrphanState.REMOVED]: 'green',
  [OrphanState.OPERATOR_REQUIRED]: 'red',
} as const;

/** VMs that were servers and are wanted no more: looked for on demand, and removed once they were seen. */
export function Orphans({ agent: { id: agentId, name } }: { readonly agent: Agent }) {
  const collect = useMutation(OrphanService.method.collectOrphans);
  const found = collect.data?.orphans;
  const removable = found?.filter(({ state }) => state === OrphanState.FOUND).length ?? 0;
  return (
    <Flex direction="column" gap="3">
      <Text size="2" color="gray">
        {text.hint}
      </Text>
      <Flex gap="2">
        <Act
          permission="orphan.collect"
          on={agentId}
          variant="soft"
          loading={collect.isPending}
          onClick={() => collect.mutate({ agentId, remove: false })}
        >
          {text.look}
        </Act>
        {removable > 0 && (
          <Confirm
            title={text.removeTitle(removable)}
            message={text.removeHint}
            action={text.remove}
            name={name}
            onConfirm={() => collect.mutate({ agentId, remove: true })}
          >
            <Act permission="orphan.collect" on={agentId} color="red" variant="soft" loading={collect.isPending}>
              {text.remove}
            </Act>
          </Confirm>
        )}
      </Flex>
      {collect.error !== null && <Notice error={collect.error} />}
      {found?.length === 0 && (
        <Empty title={text.none} hint={text.noneHint} command={`truffle agent orphans ${name}`} />
      )}
      {found !== undefined && found.length > 0 && (
        <ListTable
          label={text.title}
          rows={found}
          keyOf={({ vmid }) => String(vmid)}
          columns={[
            { title: text.vm, cell: ({ vmid, node }) => `${vmid} · ${node || '–'}` },
            { title: texts.server.one, cell: ({ serverName, serverId }) => serverName || serverId },
            {
              title: texts.agent.state,
              cell: ({ state }) => <StateBadge state={state} names={text.states} colors={colors} />,
            },
            {
              title: text.why,
              cell: ({ reason, command }) => (
                <>
                  {reason || '–'} {command !== '' && <Copy text={command} />}
                </>
              ),
            },
          ]}
        />
      )}
    </Flex>
  );
}
