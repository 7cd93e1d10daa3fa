import type { Cluster } from '@truffle/api/orchestration/v1/cluster';
import { DataList, Flex, Link, Text } from '@radix-ui/themes';
import { texts } from '../../texts/texts.ts';
import { Copy } from '../../ui/copy.tsx';

const text = texts.cluster;
const web = /^https?:\/\/\S+$/;

/** What the cluster gives to who uses it. Those that hold secrets never leave the site in clear: the CLI opens them. */
export function Outputs({ cluster: { name, outputs } }: { readonly cluster: Cluster }) {
  const entries = Object.entries(outputs);
  return (
    <Flex direction="column" gap="4">
      {entries.length === 0 && <Text color="gray">{text.noOutputs}</Text>}
      <DataList.Root size="2">
        {entries.map(([key, value]) => (
          <DataList.Item key={key} align="center">
            <DataList.Label>{key}</DataList.Label>
            <DataList.Value>
              <Flex gap="3" align="center">
                <Copy text={value} />
                {web.test(value) && (
                  <Link href={value} target="_blank" rel="noreferrer" size="2">
                    {text.open}
                  </Link>
                )}
              </Flex>
            </DataList.Value>
          </DataList.Item>
        ))}
      </DataList.Root>
      <Text size="2" color="gray">
        {text.revealHint}
      </Text>
      <Copy text={`truffle cluster outputs ${name} --reveal`} />
    </Flex>
  );
}
