import { Button, DropdownMenu, Flex } from '@radix-ui/themes';
import { AuditFormat } from '@truffle/api/tenant/v1/audit';
import { Download } from 'lucide-react';
import { useState } from 'react';
import { texts } from '../../texts/texts.ts';
import { useMay } from '../../app/may.ts';
import { Notice } from '../../ui/notice.tsx';
import type { Filter } from './filter.ts';
import { trailBytes } from './trail.ts';

const text = texts.audit;
const formats = [
  { format: AuditFormat.JSON_LINES, label: text.jsonLines, file: 'audit.jsonl', type: 'application/jsonl' },
  { format: AuditFormat.CSV, label: text.csv, file: 'audit.csv', type: 'text/csv' },
] as const;

/** Saves the records that meet the conditions as a file. */
export function ExportTrail({ orgId, filter }: { readonly orgId: string; readonly filter: Filter }) {
  const may = useMay('audit.export', orgId);
  const [error, setError] = useState<Error | null>(null);
  const [busy, setBusy] = useState(false);
  const save = async ({ format, file, type }: (typeof formats)[number]): Promise<void> => {
    setBusy(true);
    setError(null);
    try {
      const chunks: Uint8Array<ArrayBuffer>[] = [];
      for await (const chunk of trailBytes(orgId, format, filter)) chunks.push(chunk);
      const address = URL.createObjectURL(new Blob(chunks, { type }));
      const link = Object.assign(document.createElement('a'), { href: address, download: file });
      link.click();
      URL.revokeObjectURL(address);
    } catch (cause) {
      setError(cause instanceof Error ? cause : new Error(String(cause)));
    }
    setBusy(false);
  };
  return (
    <Flex direction="column" align="end" gap="2">
      <DropdownMenu.Root>
        <DropdownMenu.Trigger>
          <Button variant="soft" loading={busy} disabled={!may.allowed} title={may.reason || undefined}>
            <Download size={16} /> {text.export}
          </Button>
        </DropdownMenu.Trigger>
        <DropdownMenu.Content>
          {formats.map((each) => (
            <DropdownMenu.Item key={each.file} onSelect={() => void save(each)}>
              {each.label}
            </DropdownMenu.Item>
          ))}
        </DropdownMenu.Content>
      </DropdownMenu.Root>
      {error !== null && <Notice error={error} />}
    </Flex>
  );
}
