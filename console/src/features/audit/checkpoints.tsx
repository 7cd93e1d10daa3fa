import { useQuery } from '@connectrpc/connect-query';
import { Code, Heading, Text } from '@radix-ui/themes';
import { AuditService } from '@truffle/api/tenant/v1/audit_service';
import { texts } from '../../texts/texts.ts';
import { Copy } from '../../ui/copy.tsx';
import { List } from '../../ui/list.tsx';
import { usePages } from '../../ui/pages.ts';
import { Ago } from '../../ui/time.tsx';
import { toHex } from './hex.ts';

const text = texts.audit;

/** What the control plane signed of the chain, and the keys that it signs with. */
export function Checkpoints({ orgId }: { readonly orgId: string }) {
  const enabled = orgId !== '';
  const pages = usePages(AuditService.method.listAuditCheckpoints, { orgId }, ({ checkpoints }) => checkpoints, {
    enabled,
  });
  const { data } = useQuery(AuditService.method.listAuditCheckpoints, { orgId, page: { size: 1 } }, { enabled });
  return (
    <>
      <Heading as="h2" size="4" mb="2">
        {text.checkpoints}
      </Heading>
      <List
        label={text.checkpoints}
        pages={pages}
        empty={<Text color="gray">{text.noCheckpoints}</Text>}
        keyOf={({ kind, n, at }) => `${kind}/${n}/${at}`}
        columns={[
          { title: text.upTo, cell: ({ n, kind }) => text.mark(String(n), kind) },
          { title: text.when, sorted: 'descending', cell: ({ at }) => <Ago at={Date.parse(at)} /> },
          { title: text.hash, cell: ({ hash }) => <Code size="1">{toHex(hash).slice(0, 16)}…</Code> },
          { title: text.key, cell: ({ keyId }) => <Code size="1">{keyId}</Code> },
        ]}
      />
      <Heading as="h2" size="4" mt="4" mb="2">
        {text.keys}
      </Heading>
      <Text as="p" size="2" color="gray">
        {text.keysHint}
      </Text>
      {data?.keys.map(({ keyId, publicKey }) => (
        <Copy key={keyId} text={publicKey} />
      ))}
    </>
  );
}
