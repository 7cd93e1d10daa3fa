import { useMutation } from '@connectrpc/connect-query';
import { PowerState, ServerState, type Server } from '@truffle/api/orchestration/v1/cluster';
import { ServerService } from '@truffle/api/orchestration/v1/cluster_service';
import type { Operation } from '@truffle/api/orchestration/v1/operation';
import { SnapshotService } from '@truffle/api/orchestration/v1/snapshot_service';
import { DropdownMenu, IconButton, Text } from '@radix-ui/themes';
import { useNavigate, useParams } from '@tanstack/react-router';
import { Ellipsis } from 'lucide-react';
import { useMay } from '../../app/may.ts';
import { texts } from '../../texts/texts.ts';
import { ActionItem } from '../../ui/action.tsx';

const text = texts.server;

/** What can be done with one server. */
export function ServerMenu({ server }: { readonly server: Server }) {
  const navigate = useNavigate();
  const { org = '', project = '' } = useParams({ strict: false });
  const onSuccess = ({ operation }: { readonly operation?: Operation }): void =>
    void navigate({
      to: '/o/$org/p/$project/operations/$operationId',
      params: { org, project, operationId: operation?.id ?? '' },
    });
  const start = useMutation(ServerService.method.startServer, { onSuccess });
  const stop = useMutation(ServerService.method.stopServer, { onSuccess });
  const snapshot = useMutation(SnapshotService.method.createSnapshot, { onSuccess });
  const serverId = server.id;
  const error = start.error ?? stop.error ?? snapshot.error;
  const idle =
    server.state === ServerState.READY || server.state === ServerState.FAILED || server.state === ServerState.RUNNING;
  return (
    <>
      <DropdownMenu.Root>
        <DropdownMenu.Trigger>
          <IconButton size="1" variant="ghost" color="gray" aria-label={text.actionsOf(server.name)} disabled={!idle}>
            <Ellipsis size={16} />
          </IconButton>
        </DropdownMenu.Trigger>
        <DropdownMenu.Content>
          {server.power === PowerState.STOPPED ? (
            <Item permission="server.start" serverId={serverId} onSelect={() => start.mutate({ serverId })}>
              {text.start}
            </Item>
          ) : (
            <Item permission="server.stop" serverId={serverId} onSelect={() => stop.mutate({ serverId })}>
              {text.stop}
            </Item>
          )}
          <Item permission="snapshot.create" serverId={serverId} onSelect={() => snapshot.mutate({ serverId })}>
            {text.snapshot}
          </Item>
        </DropdownMenu.Content>
      </DropdownMenu.Root>
      {error !== null && (
        <Text as="div" size="1" color="red" role="alert">
          {error.message}
        </Text>
      )}
    </>
  );
}

interface ItemProps {
  readonly permission: string;
  readonly serverId: string;
  readonly onSelect: () => void;
  readonly children: string;
}

/** Asks whether it may be done once the menu is open, not for every server of a list. */
function Item({ permission, serverId, onSelect, children }: ItemProps) {
  return (
    <ActionItem may={useMay(permission, serverId)} onSelect={onSelect}>
      {children}
    </ActionItem>
  );
}
