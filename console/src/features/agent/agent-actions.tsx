import { useMutation } from '@connectrpc/connect-query';
import { durationMs } from '@bufbuild/protobuf/wkt';
import { AgentState, type Agent } from '@truffle/api/agent/v1/agent';
import { AgentService } from '@truffle/api/agent/v1/agent_service';
import { Text } from '@radix-ui/themes';
import { useNavigate, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { texts } from '../../texts/texts.ts';
import { Confirm } from '../../ui/confirm.tsx';
import { Field } from '../../ui/field.tsx';
import { FormDialog } from '../../ui/form-dialog.tsx';
import { Act } from '../../ui/may.tsx';
import { Notice } from '../../ui/notice.tsx';

const text = texts.agent;

/** What can be done about a site. */
export function AgentActions({ agent }: { readonly agent: Agent }) {
  const { id, name, state, revision } = agent;
  const { org } = useParams({ from: '/o/$org/sites/$agentId' });
  const navigate = useNavigate();
  const ping = useMutation(AgentService.method.pingAgent);
  const revoke = useMutation(AgentService.method.deleteAgent, {
    onSuccess: () => void navigate({ to: '/o/$org/sites', params: { org } }),
  });
  const error = ping.error ?? revoke.error;
  return (
    <>
      {ping.data?.roundTrip !== undefined && (
        <Text size="2" role="status">
          {text.answered(Math.max(1, Math.round(durationMs(ping.data.roundTrip))))}
        </Text>
      )}
      {state === AgentState.PENDING_APPROVAL && <Approve agent={agent} />}
      {state === AgentState.ONLINE && (
        <Act
          permission="agent.ping"
          on={id}
          variant="soft"
          loading={ping.isPending}
          onClick={() => ping.mutate({ agentId: id })}
        >
          {text.ping}
        </Act>
      )}
      {state !== AgentState.REVOKED && (
        <Confirm
          title={text.revokeTitle(name)}
          message={text.revokeHint}
          action={texts.access.revoke}
          name={name}
          onConfirm={() => revoke.mutate({ agentId: id, revision })}
        >
          <Act permission="agent.revoke" on={id} variant="soft" color="red" loading={revoke.isPending}>
            {texts.access.revoke}
          </Act>
        </Confirm>
      )}
      {error !== null && <Notice error={error} />}
    </>
  );
}

function Approve({ agent: { id, name, revision } }: { readonly agent: Agent }) {
  const [words, setWords] = useState('');
  const approve = useMutation(AgentService.method.approveAgent);
  return (
    <FormDialog
      title={text.approveTitle(name)}
      hint={text.approveHint}
      trigger={
        <Act permission="agent.approve" on={id}>
          {text.approve}
        </Act>
      }
      action={text.approve}
      pending={approve.isPending}
      error={approve.error}
      onOpen={() => {
        approve.reset();
        setWords('');
      }}
      onSend={() => approve.mutateAsync({ agentId: id, revision, fingerprint: words })}
    >
      <Field
        label={text.words}
        name="words"
        required
        autoComplete="off"
        value={words}
        onChange={(event) => setWords(event.target.value)}
      />
    </FormDialog>
  );
}
