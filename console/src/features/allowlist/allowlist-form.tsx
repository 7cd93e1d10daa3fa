import { ConnectError } from '@connectrpc/connect';
import { useMutation } from '@connectrpc/connect-query';
import { Button, Code, Flex, Text, TextArea } from '@radix-ui/themes';
import { useQueryClient } from '@tanstack/react-query';
import type { Allowlist } from '@truffle/api/tenant/v1/allowlist';
import { AllowlistService } from '@truffle/api/tenant/v1/allowlist_service';
import { useId } from 'react';
import { texts } from '../../texts/texts.ts';
import { Confirm } from '../../ui/confirm.tsx';
import { mergeLists, useDraft, type DraftField } from '../../ui/draft.ts';
import { findErrorInfo } from '../../ui/error-info.ts';
import { Act } from '../../ui/may.tsx';
import { Merge } from '../../ui/merge.tsx';
import { Notice } from '../../ui/notice.tsx';
import { readRanges, showRanges } from './ranges.ts';

const text = texts.security;

/** The lists as they are typed. */
interface Lists {
  readonly sessions: string;
  readonly apiKeys: string;
  readonly agents: string;
}

const field = (key: keyof Lists): DraftField<Lists> => ({
  key,
  label: text.lists[key],
  show: (lists) => lists[key],
  both: (base, mine, theirs) => {
    const lines = (of: Lists): string[] => of[key].split('\n').filter((line) => line !== '');
    return { [key]: mergeLists(lines(base), lines(mine), lines(theirs)).join('\n') };
  },
});
const kinds = ['sessions', 'apiKeys', 'agents'] as const;
const fields = kinds.map(field);

interface AllowlistFormProps {
  readonly allowlist: Allowlist;
  /** Where this page's calls come from. */
  readonly callerAddress: string;
}

/** The three lists of addresses, with the guard against shutting oneself out. */
export function AllowlistForm({ allowlist, callerAddress }: AllowlistFormProps) {
  const { orgId, revision } = allowlist;
  const client = useQueryClient();
  const current: Lists = {
    sessions: showRanges(allowlist.sessions),
    apiKeys: showRanges(allowlist.apiKeys),
    agents: showRanges(allowlist.agents),
  };
  const draft = useDraft(current, revision, fields);
  const set = useMutation(AllowlistService.method.setAllowlist, { onSettled: () => client.invalidateQueries() });
  const save = (force: boolean): void =>
    set.mutate({
      orgId,
      sessions: readRanges(draft.value.sessions),
      apiKeys: readRanges(draft.value.apiKeys),
      agents: readRanges(draft.value.agents),
      revision: draft.revision,
      force,
    });
  const locksOut = set.error !== null && findErrorInfo(ConnectError.from(set.error)).reason === 'WOULD_LOCK_OUT';
  // What this page saved itself is nobody else's change.
  if (set.isSuccess && draft.stale && !set.isPending && set.data.allowlist?.revision === revision) draft.begin();
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        save(false);
      }}
    >
      <Flex direction="column" gap="4">
        <Text size="2">
          {text.yourAddress} <Code>{callerAddress}</Code>
        </Text>
        <Merge draft={draft} orgId={orgId} resourceId={orgId} />
        {set.error !== null && !draft.stale && <Notice error={set.error} />}
        {locksOut && (
          <Confirm
            title={text.shutOutTitle}
            message={text.shutOutHint}
            action={text.shutOut}
            name={callerAddress}
            onConfirm={() => save(true)}
          >
            <Button type="button" color="red" variant="soft">
              {text.shutOut}
            </Button>
          </Confirm>
        )}
        {kinds.map((kind) => (
          <Ranges key={kind} kind={kind} value={draft.value[kind]} onChange={(value) => draft.set({ [kind]: value })} />
        ))}
        <div>
          <Act type="submit" permission="allowlist.set" on={orgId} loading={set.isPending}>
            {texts.confirm.save}
          </Act>
        </div>
      </Flex>
    </form>
  );
}

interface RangesProps {
  readonly kind: keyof Lists;
  readonly value: string;
  readonly onChange: (value: string) => void;
}

function Ranges({ kind, value, onChange }: RangesProps) {
  const id = useId();
  return (
    <div>
      <Text as="label" htmlFor={id} size="2" weight="medium">
        {text.lists[kind]}
      </Text>
      <TextArea
        id={id}
        rows={4}
        mt="1"
        value={value}
        placeholder={text.rangePlaceholder}
        aria-describedby={`${id}-hint`}
        onChange={(event) => onChange(event.target.value)}
      />
      <Text as="div" id={`${id}-hint`} size="1" color="gray" mt="1">
        {text.rangesHint}
      </Text>
    </div>
  );
}
