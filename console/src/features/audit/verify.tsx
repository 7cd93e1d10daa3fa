import { Callout, Code, Flex, Text } from '@radix-ui/themes';
import { createClient } from '@connectrpc/connect';
import { AuditFormat } from '@truffle/api/tenant/v1/audit';
import { AuditService } from '@truffle/api/tenant/v1/audit_service';
import { Check, ShieldCheck, X } from 'lucide-react';
import { useState } from 'react';
import { transport } from '../../app/transport.ts';
import { texts } from '../../texts/texts.ts';
import { useMay } from '../../app/may.ts';
import { Action } from '../../ui/action.tsx';
import { Copy } from '../../ui/copy.tsx';
import { Notice } from '../../ui/notice.tsx';
import { checkChain, readKeys, type Found } from './chain.ts';
import { toHex } from './hex.ts';
import { linesOf, trailBytes } from './trail.ts';

const text = texts.audit;
const client = createClient(AuditService, transport);

async function check(orgId: string): Promise<Found> {
  const { checkpoints, keys } = await client.listAuditCheckpoints({ orgId, page: { size: 500 } });
  const marks = checkpoints.map(({ kind, n, hash, at, keyId, signature }) => ({
    kind,
    org_id: orgId,
    n: String(n),
    hash: toHex(hash),
    at,
    key_id: keyId,
    signature,
  }));
  return checkChain(
    linesOf(trailBytes(orgId, AuditFormat.JSON_LINES)),
    marks,
    await readKeys(keys.map(({ publicKey }) => publicKey)),
  );
}

/** Checks in this page that the trail is as it was written, and says how to check it without the page. */
export function Verify({ orgId }: { readonly orgId: string }) {
  const may = useMay('audit.export', orgId);
  const [found, setFound] = useState<Found>();
  const [error, setError] = useState<Error | null>(null);
  const [busy, setBusy] = useState(false);
  const verify = async (): Promise<void> => {
    setBusy(true);
    setError(null);
    setFound(undefined);
    try {
      setFound(await check(orgId));
    } catch (cause) {
      setError(cause instanceof Error ? cause : new Error(String(cause)));
    }
    setBusy(false);
  };
  return (
    <Flex direction="column" gap="3" my="3">
      <Flex gap="3" align="center" wrap="wrap">
        <Action may={may} loading={busy} onClick={() => void verify()}>
          <ShieldCheck size={16} /> {text.verify}
        </Action>
        <Text size="2" color="gray">
          {text.verifyHint}
        </Text>
        <Copy text="truffle audit verify --public-key audit.pub.pem" />
      </Flex>
      {error !== null && <Notice error={error} />}
      {found !== undefined && <Result found={found} />}
    </Flex>
  );
}

function Result({ found: { records, last, proven, faults } }: { readonly found: Found }) {
  const whole = faults.length === 0;
  return (
    <Callout.Root highContrast color={whole ? 'green' : 'red'} role="status">
      <Callout.Icon>{whole ? <Check size={16} /> : <X size={16} />}</Callout.Icon>
      <Callout.Text>{whole ? text.whole(records, last, proven) : text.notWhole}</Callout.Text>
      {faults.map((fault) => (
        <Code key={fault} className="value">
          {fault}
        </Code>
      ))}
    </Callout.Root>
  );
}
