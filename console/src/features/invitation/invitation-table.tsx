import { useMutation } from '@connectrpc/connect-query';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { Badge, Text } from '@radix-ui/themes';
import type { Invitation } from '@truffle/api/tenant/v1/invitation';
import { InvitationService } from '@truffle/api/tenant/v1/invitation_service';
import { useState } from 'react';
import { texts } from '../../texts/texts.ts';
import { Confirm } from '../../ui/confirm.tsx';
import { List } from '../../ui/list.tsx';
import { Act } from '../../ui/may.tsx';
import { Notice } from '../../ui/notice.tsx';
import { usePages } from '../../ui/pages.ts';
import { useSorting } from '../../ui/sorting.ts';
import { Ago } from '../../ui/time.tsx';
import type { Directory } from '../access/directory.ts';
import { roleName } from '../access/role-field.tsx';

const text = texts.access;
const colors = { open: 'blue', accepted: 'green', revoked: 'gray', over: 'amber' } as const;

function stateOf(invitation: Invitation, now: number): keyof typeof colors {
  if (invitation.acceptedAt !== undefined) return 'accepted';
  if (invitation.revokedAt !== undefined) return 'revoked';
  return invitation.expiresAt !== undefined && timestampMs(invitation.expiresAt) < now ? 'over' : 'open';
}

/** Who was asked to come in, and what came of it. */
export function InvitationTable({ directory }: { readonly directory: Directory }) {
  const { orgId, nameOf } = directory;
  const [now] = useState(Date.now);
  const revoke = useMutation(InvitationService.method.revokeInvitation);
  // The page has another list, whose order is `sort`.
  const sorting = useSorting('created_at desc', 'invitations');
  const asked = { orgId, orderBy: sorting.by };
  const pages = usePages(InvitationService.method.listInvitations, asked, ({ invitations }) => invitations, {
    enabled: orgId !== '',
  });
  return (
    <>
      {revoke.error !== null && <Notice error={revoke.error} />}
      <List
        label={text.invitations}
        pages={pages}
        sorting={sorting}
        empty={<Text color="gray">{text.noInvitations}</Text>}
        keyOf={({ id }) => id}
        columns={[
          { title: text.person, sort: 'email', cell: ({ email }) => email },
          { title: text.has, cell: ({ role, scopeId }) => text.at(roleName(role, '', nameOf), nameOf(scopeId), false) },
          {
            title: text.state,
            cell: (invitation) => {
              const state = stateOf(invitation, now);
              return (
                <Badge highContrast color={colors[state]}>
                  {text.invitationStates[state]}
                </Badge>
              );
            },
          },
          { title: text.made, sort: 'created_at', cell: ({ createdAt }) => <Ago at={createdAt} /> },
          { title: text.ends, sort: 'expires_at', cell: ({ expiresAt }) => <Ago at={expiresAt} /> },
          {
            title: text.actions,
            cell: (invitation) =>
              stateOf(invitation, now) !== 'open' ? null : (
                <Confirm
                  title={text.revokeInvitation}
                  message={text.revokeInvitationHint(invitation.email)}
                  action={text.revoke}
                  onConfirm={() => revoke.mutate({ invitationId: invitation.id })}
                >
                  <Act permission="invitation.revoke" on={invitation.scopeId} size="1" variant="soft" color="red">
                    {text.revoke}
                  </Act>
                </Confirm>
              ),
          },
        ]}
      />
    </>
  );
}
