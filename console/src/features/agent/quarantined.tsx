import { useMutation } from '@connectrpc/connect-query';
import type { Agent } from '@truffle/api/agent/v1/agent';
import { AgentService } from '@truffle/api/agent/v1/agent_service';
import { Callout, Code, Flex, Text } from '@radix-ui/themes';
import { texts } from '../../texts/texts.ts';
import { Confirm } from '../../ui/confirm.tsx';
import { Act } from '../../ui/may.tsx';
import { Notice } from '../../ui/notice.tsx';
import { Ago } from '../../ui/time.tsx';

const text = texts.agent;

/** Why an agent gets no work, who says to be it, and letting one of them go on. Nothing while it is not quarantined. */
export function Quarantined({ agent: { id, name, revision, quarantine } }: { readonly agent: Agent }) {
  const release = useMutation(AgentService.method.releaseAgent);
  if (quarantine === undefined) return null;
  return (
    <Callout.Root highContrast color="red" role="alert">
      <Callout.Text weight="medium">
        {quarantine.message} (<Ago at={quarantine.since} />)
      </Callout.Text>
      <ol>
        {quarantine.wayOut.map((step) => (
          <li key={step}>
            <Text size="2">{step}</Text>
          </li>
        ))}
      </ol>
      {quarantine.holders.map(({ fingerprint, recorded, journalLsn }) => (
        <Flex key={fingerprint} gap="3" align="center" wrap="wrap">
          <Code>{fingerprint}</Code>
          <Text size="2">
            {recorded ? text.holderRecorded : text.holderOther} · {text.journalAt(String(journalLsn))}
          </Text>
          <Confirm
            title={text.releaseTitle(name)}
            message={text.releaseHint(fingerprint)}
            action={text.release}
            name={fingerprint}
            onConfirm={() => release.mutate({ agentId: id, revision, holder: fingerprint })}
          >
            <Act permission="agent.release" on={id} size="1" variant="soft" loading={release.isPending}>
              {text.release}
            </Act>
          </Confirm>
        </Flex>
      ))}
      {release.error !== null && <Notice error={release.error} />}
    </Callout.Root>
  );
}
