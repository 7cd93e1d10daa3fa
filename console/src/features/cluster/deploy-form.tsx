import type { JsonValue } from '@bufbuild/protobuf';
import { callUnaryMethod, useTransport } from '@connectrpc/connect-query';
import { useMutation } from '@tanstack/react-query';
import type { Agent } from '@truffle/api/agent/v1/agent';
import { ClusterService } from '@truffle/api/orchestration/v1/cluster_service';
import type { TemplateVersion } from '@truffle/api/template/v1/template';
import { Button, Flex, Select, Text } from '@radix-ui/themes';
import { useNavigate, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { useMay } from '../../app/may.ts';
import { texts } from '../../texts/texts.ts';
import { Action } from '../../ui/action.tsx';
import { Field } from '../../ui/field.tsx';
import { Notice } from '../../ui/notice.tsx';
import { ParameterField } from './parameter-field.tsx';
import { parametersOf } from './parameters.ts';
import { PlanView } from './plan.tsx';
import { specOf, type Wanted } from './spec.ts';
import { SealingNotice } from './sealing-notice.tsx';

const text = texts.cluster;

interface DeployFormProps {
  readonly template: TemplateVersion;
  readonly agents: readonly Agent[];
  /** The site that is chosen at first. */
  readonly first: Agent;
  readonly projectId: string;
}

/** Asks for what the template leaves open, shows what that would do, and has it done. */
export function DeployForm({ template, agents, first, projectId }: DeployFormProps) {
  const [name, setName] = useState(template.templateName);
  const [agentId, setAgentId] = useState(first.id);
  const [typed, setTyped] = useState<Readonly<Record<string, string>>>({});
  const may = useMay('cluster.create', projectId);
  const parameters = parametersOf(template.parametersSchema);
  const agent = agents.find(({ id }) => id === agentId) ?? first;
  const wanted = { name, agent, projectId, templateVersionId: template.id, parameters, typed };
  const { plan, create } = useDeployment(wanted);
  const change = (act: () => void): void => {
    // A plan is of what was asked for, and no longer of this.
    plan.reset();
    act();
  };
  const planned = plan.data?.plan;
  return (
    <Flex direction="column" gap="4" asChild>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          plan.mutate();
        }}
      >
        <Flex direction="column" gap="4" maxWidth="560px">
          <Field
            label={text.name}
            name="name"
            value={name}
            hint={text.nameHint}
            required
            onChange={(event) => change(() => setName(event.target.value))}
          />
          <SiteField agents={agents} value={agentId} onChange={(value) => change(() => setAgentId(value))} />
          {parameters.map((parameter) => (
            <ParameterField
              key={parameter.name}
              parameter={parameter}
              value={typed[parameter.name] ?? fallbackText(parameter.fallback)}
              onChange={(value) => change(() => setTyped((known) => ({ ...known, [parameter.name]: value })))}
            />
          ))}
          <Button type="submit" variant={planned === undefined ? 'solid' : 'soft'} loading={plan.isPending}>
            {text.plan}
          </Button>
        </Flex>
        {plan.error !== null && <SealingNotice error={plan.error} agent={agent} onTrusted={() => plan.mutate()} />}
        {planned !== undefined && (
          <>
            <PlanView plan={planned} />
            {create.error !== null && <Notice error={create.error} />}
            <Flex>
              <Action
                may={may}
                type="button"
                disabled={!planned.fits}
                loading={create.isPending}
                onClick={() => create.mutate()}
              >
                {text.deploy}
              </Action>
            </Flex>
          </>
        )}
      </form>
    </Flex>
  );
}

/** The two calls: what it would do, and having it done. */
function useDeployment(wanted: Wanted) {
  const params = useParams({ from: '/o/$org/p/$project/deploy/$versionId' });
  const navigate = useNavigate();
  const client = useTransport();
  const { projectId } = wanted;
  const plan = useMutation({
    mutationFn: async () =>
      callUnaryMethod(client, ClusterService.method.planCluster, { projectId, spec: await specOf(wanted) }),
  });
  const create = useMutation({
    mutationFn: async () =>
      callUnaryMethod(client, ClusterService.method.createCluster, { projectId, spec: await specOf(wanted) }),
    onSuccess: ({ cluster }) =>
      void navigate({
        to: '/o/$org/p/$project/clusters/$clusterId',
        params: { ...params, clusterId: cluster?.id ?? '' },
      }),
  });
  return { plan, create };
}

interface SiteFieldProps {
  readonly agents: readonly Agent[];
  readonly value: string;
  readonly onChange: (value: string) => void;
}

function SiteField({ agents, value, onChange }: SiteFieldProps) {
  return (
    <div>
      <Text as="div" size="2" weight="medium" mb="1">
        {text.site}
      </Text>
      <Select.Root value={value} onValueChange={onChange}>
        <Select.Trigger aria-label={text.site} />
        <Select.Content>
          {agents.map(({ id, name, state }) => (
            <Select.Item key={id} value={id}>
              {name} · {texts.agent.states[state]}
            </Select.Item>
          ))}
        </Select.Content>
      </Select.Root>
    </div>
  );
}

const fallbackText = (value: JsonValue | undefined): string =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
