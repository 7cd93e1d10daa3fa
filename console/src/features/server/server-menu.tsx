import { PowerState, type Server } from '@truffle/api/orchestration/v1/cluster';
import { DropdownMenu, IconButton } from '@radix-ui/themes';
import { Ellipsis } from 'lucide-react';
import { useState } from 'react';
import { useMay } from '../../app/may.ts';
import { texts } from '../../texts/texts.ts';
import { ActionItem } from '../../ui/action.tsx';
import { Notice } from '../../ui/notice.tsx';
import { isIdle, useServerActions } from './use-server-actions.ts';

const text = texts.server;

/** What is done most with one server; the rest is on its page. In a list of many only the button is there until it is pressed. */
export function ServerMenu({ server }: { readonly server: Server }) {
  const [isAsked, setAsked] = useState(false);
  if (isAsked) return <OpenMenu server={server} />;
  return (
    <IconButton
      size="1"
      variant="ghost"
      color="gray"
      aria-label={text.actionsOf(server.name)}
      aria-haspopup="menu"
      aria-expanded={false}
      disabled={!isIdle(server)}
      onClick={() => setAsked(true)}
    >
      <Ellipsis size={16} />
    </IconButton>
  );
}

function OpenMenu({ server }: { readonly server: Server }) {
  const [open, setOpen] = useState(true);
  const actions = useServerActions(server);
  const error = actions.error ?? actions.errors.snapshot;
  const stopped = server.power === PowerState.STOPPED;
  return (
    <>
      <DropdownMenu.Root open={open} onOpenChange={setOpen}>
        <DropdownMenu.Trigger>
          <IconButton
            size="1"
            variant="ghost"
            color="gray"
            aria-label={text.actionsOf(server.name)}
            disabled={!isIdle(server)}
            loading={actions.pending}
          >
            <Ellipsis size={16} />
          </IconButton>
        </DropdownMenu.Trigger>
        <DropdownMenu.Content>
          {stopped ? (
            <Item permission="server.start" on={server.id} title={text.start} onSelect={actions.start} />
          ) : (
            <Item permission="server.stop" on={server.id} title={text.stop} onSelect={actions.stop} />
          )}
          <Item
            permission="snapshot.create"
            on={server.id}
            title={text.snapshot}
            onSelect={() => void actions.snapshot(false).catch(() => undefined)}
          />
        </DropdownMenu.Content>
      </DropdownMenu.Root>
      {error !== null && <Notice error={error} />}
    </>
  );
}

interface ItemProps {
  readonly permission: string;
  readonly on: string;
  readonly title: string;
  readonly onSelect: () => void;
}

function Item({ permission, on, title, onSelect }: ItemProps) {
  return (
    <ActionItem may={useMay(permission, on)} onSelect={onSelect}>
      {title}
    </ActionItem>
  );
}
