import { useQuery } from '@connectrpc/connect-query';
import { AgentService } from '@truffle/api/agent/v1/agent_service';
import { PowerState, type Server } from '@truffle/api/orchestration/v1/cluster';
import { ClusterService } from '@truffle/api/orchestration/v1/cluster_service';
import { Flex, Switch, Text } from '@radix-ui/themes';
import { useState } from 'react';
import { texts } from '../../texts/texts.ts';
import { Choice } from '../../ui/choice.tsx';
import { Confirm } from '../../ui/confirm.tsx';
import { Field } from '../../ui/field.tsx';
import { FormDialog } from '../../ui/form-dialog.tsx';
import { Act } from '../../ui/may.tsx';
import { Notice } from '../../ui/notice.tsx';
import { isIdle, useServerActions, type ServerActions } from './use-server-actions.ts';

const text = texts.server;
const gib = 1024 ** 3;

interface OfServer {
  readonly server: Server;
  readonly actions: ServerActions;
}

/** What can be done with a server. While something is at work on it, nothing else begins. */
export function ServerButtons({ server }: { readonly server: Server }) {
  const actions = useServerActions(server);
  const idle = isIdle(server);
  const stopped = server.power === PowerState.STOPPED;
  return (
    <Flex gap="2" wrap="wrap" align="center">
      {!idle && (
        <Text size="1" color="gray">
          {text.busy}
        </Text>
      )}
      {stopped ? (
        <Act permission="server.start" on={server.id} disabled={!idle} onClick={actions.start}>
          {text.start}
        </Act>
      ) : (
        <Confirm
          title={text.stopTitle(server.name)}
          message={text.stopHint}
          action={text.stop}
          onConfirm={actions.stop}
        >
          <Act permission="server.stop" on={server.id} disabled={!idle} variant="soft" color="amber" highContrast>
            {text.stop}
          </Act>
        </Confirm>
      )}
      <TakeSnapshot server={server} actions={actions} />
      <Resize server={server} actions={actions} />
      <Migrate server={server} actions={actions} />
      {actions.error !== null && <Notice error={actions.error} />}
    </Flex>
  );
}

function TakeSnapshot({ server, actions }: OfServer) {
  const [memory, setMemory] = useState(false);
  return (
    <FormDialog
      title={text.snapshot}
      hint={text.snapshotHint}
      trigger={
        <Act permission="snapshot.create" on={server.id} disabled={!isIdle(server)} variant="soft">
          {text.snapshot}
        </Act>
      }
      action={text.snapshot}
      pending={actions.pending}
      error={actions.errors.snapshot}
      onOpen={() => setMemory(false)}
      onSend={() => actions.snapshot(memory)}
    >
      <Text as="label" size="2">
        <Flex gap="2" align="center">
          <Switch checked={memory} disabled={server.power === PowerState.STOPPED} onCheckedChange={setMemory} />
          {text.withMemory}
        </Flex>
      </Text>
    </FormDialog>
  );
}

function Resize({ server, actions }: OfServer) {
  const now = {
    cpu: String(server.cpu),
    memory: String(Number(server.memoryBytes) / gib),
    disk: String(Number(server.diskBytes) / gib),
    restart: false,
  };
  const [size, setSize] = useState(now);
  const change = (patch: Partial<typeof now>): void => setSize({ ...size, ...patch });
  const wanted = (typed: string): bigint => BigInt(Math.round(Number(typed) * gib));
  return (
    <FormDialog
      title={text.resizeOf(server.name)}
      hint={text.resizeHint}
      trigger={
        <Act permission="server.resize" on={server.id} disabled={!isIdle(server)} variant="soft">
          {text.resize}
        </Act>
      }
      action={text.resize}
      pending={actions.pending}
      error={actions.errors.resize}
      onOpen={() => setSize(now)}
      onSend={() =>
        actions.resize({
          cpu: Number(size.cpu),
          memoryBytes: wanted(size.memory),
          diskBytes: wanted(size.disk),
          allowRestart: size.restart,
        })
      }
    >
      <Field
        label={text.cpu}
        name="cpu"
        type="number"
        min={1}
        max={256}
        required
        value={size.cpu}
        onChange={(event) => change({ cpu: event.target.value })}
      />
      <Field
        label={text.memoryGib}
        name="memory"
        type="number"
        min={0.25}
        step={0.25}
        required
        value={size.memory}
        onChange={(event) => change({ memory: event.target.value })}
      />
      <Field
        label={text.diskGib}
        name="disk"
        type="number"
        min={Number(now.disk)}
        step="any"
        required
        hint={text.diskHint}
        value={size.disk}
        onChange={(event) => change({ disk: event.target.value })}
      />
      <Text as="label" size="2">
        <Flex gap="2" align="center">
          <Switch checked={size.restart} onCheckedChange={(restart) => change({ restart })} /> {text.allowRestart}
        </Flex>
      </Text>
    </FormDialog>
  );
}

function Migrate({ server, actions }: OfServer) {
  const cluster = useQuery(ClusterService.method.getCluster, { clusterId: server.clusterId });
  const agentId = cluster.data?.cluster?.agentId ?? '';
  const agent = useQuery(AgentService.method.getAgent, { agentId }, { enabled: agentId !== '' });
  const nodes = agent.data?.agent?.inventory?.nodes.filter(({ name, online }) => online && name !== server.node) ?? [];
  const [node, setNode] = useState('');
  const [disks, setDisks] = useState(false);
  const targetNode = node || (nodes[0]?.name ?? '');
  return (
    <FormDialog
      title={text.migrateOf(server.name)}
      hint={text.migrateHint}
      trigger={
        <Act
          permission="server.migrate"
          on={server.id}
          variant="soft"
          disabled={!isIdle(server) || nodes.length === 0}
          title={nodes.length === 0 ? text.noOtherNode : undefined}
        >
          {text.migrate}
        </Act>
      }
      action={text.migrate}
      pending={actions.pending}
      error={actions.errors.migrate}
      onOpen={() => setDisks(false)}
      onSend={() => actions.migrate({ targetNode, withLocalDisks: disks })}
    >
      <Choice
        label={text.toNode}
        value={targetNode}
        options={nodes.map(({ name }) => ({ value: name, label: name }))}
        onChange={setNode}
      />
      <Text as="label" size="2">
        <Flex gap="2" align="center">
          <Switch checked={disks} onCheckedChange={setDisks} /> {text.withDisks}
        </Flex>
      </Text>
    </FormDialog>
  );
}
