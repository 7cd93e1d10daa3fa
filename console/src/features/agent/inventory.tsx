import type { Agent, Inventory as SiteInventory } from '@truffle/api/agent/v1/agent';
import { Badge, Flex, Heading, Progress, Text } from '@radix-ui/themes';
import { texts } from '../../texts/texts.ts';
import { bytes } from '../../ui/bytes.ts';
import { ListTable } from '../../ui/table.tsx';
import { Ago } from '../../ui/time.tsx';
import { ImportImage } from './import-image.tsx';

const text = texts.agent;

/** What the site has, and how much of it is free. */
export function Inventory({ agent }: { readonly agent: Agent }) {
  const { inventory } = agent;
  if (inventory === undefined) return <Text color="gray">{text.notLooked}</Text>;
  return (
    <Flex direction="column" gap="3">
      <Text size="1" color="gray">
        {text.lookedAt} <Ago at={inventory.takenAt} />
      </Text>
      <Capacity inventory={inventory} />
      <Nodes inventory={inventory} />
      <Storages inventory={inventory} />
      <Title>{text.images}</Title>
      <ListTable
        label={text.images}
        rows={inventory.images}
        keyOf={({ name, node }) => `${node}/${name}`}
        columns={[
          { title: text.name, cell: ({ name }) => name },
          { title: text.smallestDisk, cell: ({ diskBytes }) => bytes(diskBytes) },
          { title: text.madeFrom, cell: ({ vmid, node }) => `${vmid} · ${node}` },
        ]}
      />
      <ImportImage agent={agent} />
      <Title>{text.networks}</Title>
      <ListTable
        label={text.networks}
        rows={inventory.networks}
        keyOf={({ name }) => name}
        columns={[
          { title: text.name, cell: ({ name }) => name },
          { title: text.bridge, cell: ({ bridge }) => bridge },
        ]}
      />
      <Text size="2">
        {text.vmids}: {inventory.vmidFirst} – {inventory.vmidLast}
      </Text>
      <Flex gap="2" wrap="wrap" align="center">
        <Text size="2">{text.features}:</Text>
        {inventory.features.length === 0 && '–'}
        {inventory.features.map((feature) => (
          <Badge key={feature} color="gray" highContrast>
            {feature}
          </Badge>
        ))}
      </Flex>
    </Flex>
  );
}

const Title = ({ children }: { readonly children: string }) => (
  <Heading as="h2" size="3" mt="3">
    {children}
  </Heading>
);

interface InUseProps {
  readonly label: string;
  readonly used: number;
  readonly all: number;
}

function InUse({ label, used, all }: InUseProps) {
  return (
    <div className="use">
      <Text as="div" size="1">
        {text.used(bytes(used), bytes(all))}
      </Text>
      <Progress aria-label={label} value={all === 0 ? 0 : (used / all) * 100} />
    </div>
  );
}

/** All nodes and storages together. */
function Capacity({ inventory: { nodes, storages } }: { readonly inventory: SiteInventory }) {
  const sum = (counts: readonly (bigint | number)[]): number =>
    counts.reduce<number>((all, each) => all + Number(each), 0);
  const up = nodes.filter(({ online }) => online);
  const memory = sum(up.map(({ memoryBytes }) => memoryBytes));
  const disk = sum(storages.map(({ totalBytes }) => totalBytes));
  return (
    <div className="cards">
      <div className="panel">
        <Text size="2" weight="medium">
          {text.cpu}
        </Text>
        <Text as="div" size="1">
          {text.processors(sum(up.map(({ cpu }) => cpu)), up.length)}
        </Text>
      </div>
      <div className="panel">
        <Text size="2" weight="medium">
          {text.memory}
        </Text>
        <InUse label={text.memory} used={sum(up.map(({ memoryUsedBytes }) => memoryUsedBytes))} all={memory} />
      </div>
      <div className="panel">
        <Text size="2" weight="medium">
          {text.storages}
        </Text>
        <InUse label={text.storages} used={disk - sum(storages.map(({ freeBytes }) => freeBytes))} all={disk} />
      </div>
    </div>
  );
}

function Nodes({ inventory }: { readonly inventory: SiteInventory }) {
  return (
    <>
      <Title>{text.nodes}</Title>
      <ListTable
        label={text.nodes}
        rows={inventory.nodes}
        keyOf={({ name }) => name}
        columns={[
          { title: text.name, cell: ({ name }) => name },
          {
            title: text.state,
            cell: ({ online }) => (
              <Badge highContrast color={online ? 'green' : 'red'}>
                {online ? text.up : text.down}
              </Badge>
            ),
          },
          { title: text.cpu, cell: ({ cpu }) => cpu },
          {
            title: text.memory,
            cell: ({ name, memoryBytes, memoryUsedBytes }) => (
              <InUse label={text.memoryOf(name)} used={Number(memoryUsedBytes)} all={Number(memoryBytes)} />
            ),
          },
        ]}
      />
    </>
  );
}

function Storages({ inventory }: { readonly inventory: SiteInventory }) {
  return (
    <>
      <Title>{text.storages}</Title>
      <ListTable
        label={text.storages}
        rows={inventory.storages}
        keyOf={({ name, node }) => `${node}/${name}`}
        columns={[
          { title: text.name, cell: ({ name }) => name },
          { title: text.nodes, cell: ({ node }) => node || text.shared },
          {
            title: text.inUse,
            cell: ({ name, freeBytes, totalBytes }) => (
              <InUse label={text.inUseOf(name)} used={Number(totalBytes - freeBytes)} all={Number(totalBytes)} />
            ),
          },
          { title: text.free, cell: ({ freeBytes }) => bytes(freeBytes) },
        ]}
      />
    </>
  );
}
