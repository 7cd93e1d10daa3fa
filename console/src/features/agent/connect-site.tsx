import { useMutation, useQuery } from '@connectrpc/connect-query';
import { AgentState } from '@truffle/api/agent/v1/agent';
import { AgentService } from '@truffle/api/agent/v1/agent_service';
import { Button, Dialog, Flex, Spinner, Text } from '@radix-ui/themes';
import { Check } from 'lucide-react';
import { useState } from 'react';
import { useMay } from '../../app/may.ts';
import { texts } from '../../texts/texts.ts';
import { Action } from '../../ui/action.tsx';
import { Copy } from '../../ui/copy.tsx';
import { Field } from '../../ui/field.tsx';
import { Notice } from '../../ui/notice.tsx';
import { Ago } from '../../ui/time.tsx';

const text = texts.agent.connecting;

/** One command to paste on the site, and a list that fills as its agent comes up. */
export function ConnectSite({ orgId }: { readonly orgId: string }) {
  const [name, setName] = useState('');
  const may = useMay('agent.enrol', orgId);
  const token = useMutation(AgentService.method.createJoinToken);
  return (
    <Dialog.Root onOpenChange={(open) => !open && token.reset()}>
      <Dialog.Trigger>
        <Action may={may}>{text.open}</Action>
      </Dialog.Trigger>
      <Dialog.Content maxWidth="560px">
        <Dialog.Title>{text.open}</Dialog.Title>
        <Dialog.Description size="2" mb="4">
          {text.hint}
        </Dialog.Description>
        {token.error !== null && <Notice error={token.error} />}
        {token.data === undefined ? (
          <form
            onSubmit={(event) => {
              event.preventDefault();
              token.mutate({ orgId, agentName: name });
            }}
          >
            <Flex direction="column" gap="3">
              <Field
                label={texts.agent.name}
                name="name"
                value={name}
                required
                pattern="[a-z]([a-z0-9\-]{0,38}[a-z0-9])?"
                hint={texts.cluster.nameHint}
                onChange={(event) => setName(event.target.value)}
              />
              <Button type="submit" loading={token.isPending}>
                {text.make}
              </Button>
            </Flex>
          </form>
        ) : (
          <Flex direction="column" gap="4">
            <div>
              <Text as="div" size="2" mb="1">
                {text.paste}
              </Text>
              <Copy text={installCommand(token.data.token, token.data.caPin)} />
              <Text as="div" size="1" color="gray" mt="1">
                {text.once} <Ago at={token.data.expiresAt} />
              </Text>
            </div>
            <div>
              <Text as="div" size="1" color="gray" mb="1">
                {text.byHand}
              </Text>
              <Copy text={handCommand(token.data.token, token.data.caPin)} />
            </div>
            <Checklist orgId={orgId} name={name} />
          </Flex>
        )}
      </Dialog.Content>
    </Dialog.Root>
  );
}

const pinOf = (caPin: string): string => (caPin === '' ? '' : ` --ca-pin ${caPin}`);

/** A shell's builtin writes the token: it is on no command line. */
const installCommand = (token: string, caPin: string): string => {
  const { origin } = globalThis.location;
  return [
    `(umask 077; printf '%s' '${token}' > join-token)`,
    `curl -fsSL ${origin}/install.sh | sudo sh -s -- --server ${origin} --token-file join-token${pinOf(caPin)}`,
  ].join(' &&\n');
};

const handCommand = (token: string, caPin: string): string =>
  [
    `export TRUFFLE_JOIN_TOKEN=${token}`,
    `truffle-agent enroll --server ${globalThis.location.origin}${pinOf(caPin)}`,
    'truffle-agent run',
  ].join(' &&\n');

/** What the site has got to. */
function Checklist({ orgId, name }: { readonly orgId: string; readonly name: string }) {
  const found = useQuery(AgentService.method.listAgents, { orgId, name, page: { size: 1 } }).data?.agents[0];
  // A list leaves inventories out.
  const whole = useQuery(AgentService.method.getAgent, { agentId: found?.id ?? '' }, { enabled: found !== undefined })
    .data?.agent;
  const agent = whole ?? found;
  const problems = agent?.inventory?.problems ?? [];
  const steps = [
    { title: text.enrolled, done: agent !== undefined },
    { title: text.online, done: agent?.state === AgentState.ONLINE },
    { title: text.looked, done: agent?.inventory !== undefined },
    { title: text.inOrder, done: agent?.inventory !== undefined && problems.length === 0 },
  ];
  return (
    <Flex direction="column" gap="2" role="status">
      {steps.map(({ title, done }) => (
        <Flex key={title} gap="2" align="center">
          {done ? <Check size={16} color="var(--green-11)" role="img" aria-label={text.done} /> : <Spinner size="2" />}
          <Text size="2">{title}</Text>
        </Flex>
      ))}
      {problems.map((problem) => (
        <Text key={problem} size="1" color="red">
          {problem}
        </Text>
      ))}
    </Flex>
  );
}
