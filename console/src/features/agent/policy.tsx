import type { SitePolicy } from '@truffle/api/agent/v1/agent';
import { Callout, DataList, Text } from '@radix-ui/themes';
import { texts } from '../../texts/texts.ts';
import { bytes } from '../../ui/bytes.ts';

const text = texts.agent.policyFile;

const bound = (count: number, none: number): string => (count === none ? text.noBound : String(count));
const size = (count: bigint): string => (count === 0n ? text.noBound : bytes(count));

/** What the site's own policy lets through: its agent enforces it, whatever the control plane believes. */
export function Policy({ policy }: { readonly policy: SitePolicy | undefined }) {
  if (policy === undefined || !policy.inForce)
    return (
      <Callout.Root highContrast color="gray" size="1">
        <Callout.Text>{text.none}</Callout.Text>
      </Callout.Root>
    );
  const facts = [
    [text.images, policy.images.join(', ') || '–'],
    [text.networks, policy.networks.join(', ') || '–'],
    [text.exec, policy.exec ? texts.access.yes : texts.access.no],
    [text.maxServers, bound(policy.maxServers, -1)],
    [text.maxCpu, bound(policy.maxCpu, 0)],
    [text.maxMemory, size(policy.maxMemoryBytes)],
    [text.maxDisk, size(policy.maxDiskBytes)],
    [text.deletes, bound(policy.deletesPerHour, -1)],
    [text.windows, policy.windows || text.anyTime],
  ] as const;
  return (
    <>
      {policy.problem !== '' && (
        <Callout.Root highContrast color="red" role="alert" mb="3">
          <Callout.Text>{policy.problem}</Callout.Text>
        </Callout.Root>
      )}
      <Text as="p" size="2" color="gray">
        {text.hint}
      </Text>
      <DataList.Root size="2">
        {facts.map(([label, value]) => (
          <DataList.Item key={label}>
            <DataList.Label>{label}</DataList.Label>
            <DataList.Value>{value}</DataList.Value>
          </DataList.Item>
        ))}
      </DataList.Root>
    </>
  );
}
