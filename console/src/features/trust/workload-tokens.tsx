import { timestampMs } from '@bufbuild/protobuf/wkt';
import { useMutation } from '@connectrpc/connect-query';
import { Button, Code, Dialog, Flex, Text } from '@radix-ui/themes';
import type { Trust, WorkloadToken } from '@truffle/api/tenant/v1/trust';
import { TrustService } from '@truffle/api/tenant/v1/trust_service';
import { useState } from 'react';
import { texts } from '../../texts/texts.ts';
import { List } from '../../ui/list.tsx';
import { Act } from '../../ui/may.tsx';
import { Notice } from '../../ui/notice.tsx';
import { usePages } from '../../ui/pages.ts';
import { useSorting } from '../../ui/sorting.ts';
import { Ago } from '../../ui/time.tsx';

const text = texts.access;

/** The tokens that a trust gave, in a dialog. */
export function WorkloadTokens({ trust }: { readonly trust: Trust }) {
  const [open, setOpen] = useState(false);
  return (
    <Dialog.Root open={open} onOpenChange={setOpen}>
      <Dialog.Trigger>
        <Button size="1" variant="soft" aria-label={text.tokensOf(trust.name)}>
          {text.tokens}
        </Button>
      </Dialog.Trigger>
      <Dialog.Content maxWidth="800px" aria-describedby={undefined}>
        <Dialog.Title>{text.tokensOf(trust.name)}</Dialog.Title>
        {open && <Tokens trust={trust} />}
        <Flex justify="end" mt="4">
          <Dialog.Close>
            <Button>{texts.confirm.done}</Button>
          </Dialog.Close>
        </Flex>
      </Dialog.Content>
    </Dialog.Root>
  );
}

const isGood = ({ revokedAt, expiresAt }: WorkloadToken, now: number): boolean =>
  revokedAt === undefined && expiresAt !== undefined && timestampMs(expiresAt) > now;

function Tokens({ trust }: { readonly trust: Trust }) {
  const [now] = useState(Date.now);
  const revoke = useMutation(TrustService.method.revokeWorkloadToken);
  // The page under the dialog has a list, whose order is `sort`.
  const sorting = useSorting('created_at desc', 'tokens');
  const asked = { trustId: trust.id, orderBy: sorting.by };
  const pages = usePages(TrustService.method.listWorkloadTokens, asked, ({ tokens }) => tokens);
  return (
    <>
      {revoke.error !== null && <Notice error={revoke.error} />}
      <List
        label={text.tokens}
        pages={pages}
        sorting={sorting}
        empty={<Text color="gray">{text.noTokens}</Text>}
        keyOf={({ id }) => id}
        columns={[
          { title: text.workload, sort: 'subject', cell: ({ subject }) => <Code>{subject}</Code> },
          { title: text.from, cell: ({ address }) => address },
          { title: text.made, sort: 'created_at', cell: ({ createdAt }) => <Ago at={createdAt} /> },
          { title: text.ends, sort: 'expires_at', cell: ({ expiresAt }) => <Ago at={expiresAt} /> },
          {
            title: text.actions,
            cell: (token) =>
              isGood(token, now) && (
                <Act
                  permission="trust.revoke"
                  on={trust.scopeId}
                  size="1"
                  variant="soft"
                  color="red"
                  onClick={() => revoke.mutate({ trustId: trust.id, tokenId: token.id })}
                >
                  {text.revoke}
                </Act>
              ),
          },
        ]}
      />
    </>
  );
}
