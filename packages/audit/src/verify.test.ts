import { describe, expect, it } from 'vitest';
import { signCheckpoint, type Checkpoint } from './checkpoint.ts';
import type { ExportLine } from './line.ts';
import { recordFields, type AuditRecord } from './record.ts';
import { auditKeys, chained, seeded, trail, type RecordLine } from './trail.fixture.ts';
import { verifyExport, type Verdict } from './verify.ts';

const keys = auditKeys();
const others = auditKeys();
const count = 80;
const { lines, checkpoints } = trail(keys, count, 20);
const write = (all: readonly ExportLine[]): string[] => all.map((line) => JSON.stringify(line));

const verify = (texts: readonly string[], against: readonly Checkpoint[] = checkpoints): Promise<Verdict> =>
  verifyExport(texts, { checkpoints: against, publicKeys: [keys.publicKey] });

type Pick = (bound: number) => number;
interface Tampered {
  readonly texts: string[];
  readonly checkpoints?: readonly Checkpoint[];
}

const withRecord = (at: number, change: (record: AuditRecord) => Partial<AuditRecord>): RecordLine[] =>
  lines.map((line, i) => (i === at ? { ...line, record: { ...line.record, ...change(line.record) } } : line));

const rechained = (all: readonly RecordLine[]): RecordLine[] =>
  chained(
    all.map((line, i) => ({ ...line.record, n: String(i + 1) })),
    all.map((line) => line.personal),
  );

/** Another value of the same field, of a form that the field accepts. */
function changed(record: AuditRecord, field: (typeof recordFields)[number], pick: Pick): Partial<AuditRecord> {
  if (field === 'data') return { data: { ...record.data, list: [1, null, false, pick(1e6)] } };
  if (field === 'n') return { n: String(BigInt(record.n) + 1n + BigInt(pick(5))) };
  if (field === 'occurred_at') return { occurred_at: record.occurred_at.replace('10:00', '10:01') };
  return { [field]: `${record[field] ?? ''}${pick(10)}` };
}

/** Every way in which a trail is tampered with. */
const tamperings: Readonly<Record<string, (pick: Pick) => Tampered>> = {
  'a field is changed': (pick) => {
    const field = recordFields[pick(recordFields.length)] ?? 'id';
    return { texts: write(withRecord(pick(count), (record) => changed(record, field, pick))) };
  },
  'a value deep in the data is changed': (pick) => ({
    texts: write(withRecord(pick(count), (r) => ({ data: { ...r.data, before: { size: -1 - pick(9), half: 0.5 } } }))),
  }),
  'a field is added': (pick) => {
    const at = pick(count);
    return {
      texts: write(lines).map((text, i) => (i === at ? text.replace('"record":{', '"record":{"note":"x",') : text)),
    };
  },
  'a record is dropped': (pick) => {
    const at = pick(count);
    return { texts: write(lines.filter((_, i) => i !== at)) };
  },
  'a record is doubled': (pick) => {
    const at = pick(count);
    return { texts: write(lines.flatMap((line, i) => (i === at ? [line, line] : [line]))) };
  },
  'a record is put in': (pick) => {
    const at = pick(count);
    const record = { ...lines[at]!.record, id: 'evt_x' };
    return { texts: write([...lines.slice(0, at), { ...lines[at]!, record }, ...lines.slice(at)]) };
  },
  'two records are swapped': (pick) => {
    const at = pick(count - 1);
    const swapped = [...lines];
    [swapped[at], swapped[at + 1]] = [swapped[at + 1]!, swapped[at]!];
    return { texts: write(swapped) };
  },
  'the head is cut': (pick) => ({ texts: write(lines.slice(1 + pick(count - 1))) }),
  'the tail is cut': (pick) => ({ texts: write(lines.slice(0, pick(count))) }),
  'a record is changed and the chain made anew': (pick) => {
    const at = pick(count);
    return { texts: write(rechained(withRecord(at, (record) => changed(record, 'result', pick)))) };
  },
  'a record is dropped, the rest numbered and chained anew': (pick) => {
    const at = pick(count);
    return { texts: write(rechained(lines.filter((_, i) => i !== at))) };
  },
  'the records are numbered anew': (pick) => ({
    texts: write(
      lines.map((line) => ({
        ...line,
        record: { ...line.record, n: String(BigInt(line.record.n) + 1n + BigInt(pick(3))) },
      })),
    ),
  }),
  'a hash is changed': (pick) => {
    const at = pick(count);
    return {
      texts: write(
        lines.map((line, i) =>
          i === at ? { ...line, hash: line.hash.replace(/.$/, (c) => (c === '0' ? '1' : '0')) } : line,
        ),
      ),
    };
  },
  'a name is changed beside the chain': (pick) => {
    const named = lines.map((line, i) => (line.personal === null ? -1 : i)).filter((i) => i >= 0);
    const at = named[pick(named.length)];
    return {
      texts: write(
        lines.map((line, i) => (i === at ? { ...line, personal: { ...line.personal!, name: 'Eve' } } : line)),
      ),
    };
  },
  'a checkpoint is signed by another': (pick) => {
    const all = rechained(withRecord(pick(count), () => ({ result: 'FINE' })));
    const forged = all
      .filter((_, i) => (i + 1) % 20 === 0)
      .map(({ record, hash }) =>
        signCheckpoint(others.privateKey, pick(2) === 0 ? others.keyId : keys.keyId, {
          kind: 'head',
          org_id: 'org_a',
          n: record.n,
          hash,
          at: '2026-11-23T10:00:00.000Z',
        }),
      );
    return { texts: write(all), checkpoints: forged };
  },
  'a checkpoint is changed': (pick) => {
    const at = pick(checkpoints.length);
    const field = (['kind', 'org_id', 'n', 'hash', 'at', 'key_id', 'signature'] as const)[pick(7)]!;
    const other = {
      kind: 'start',
      org_id: 'org_b',
      n: '3',
      hash: '0'.repeat(64),
      at: '2020-01-01T00:00:00.000Z',
      key_id: 'f'.repeat(16),
      signature: 'A'.repeat(86),
    };
    return {
      texts: write(lines),
      checkpoints: checkpoints.map((c, i) => (i === at ? { ...c, [field]: other[field] } : c)),
    };
  },
  'a line is no JSON': (pick) => {
    const at = pick(count);
    return { texts: write(lines).map((text, i) => (i === at ? text.slice(0, 1 + pick(text.length - 2)) : text)) };
  },
};

describe('verifying an export', () => {
  it('finds nothing in one that is whole, with its checkpoints beside it or within', async () => {
    expect(await verify(write(lines))).toMatchObject({
      first: 1n,
      last: 80n,
      unproven: 0n,
      faults: [],
      proven: { n: '80' },
    });
    const within = lines.flatMap((line): ExportLine[] => [
      line,
      ...checkpoints.filter((c) => c.n === line.record.n).map((checkpoint) => ({ checkpoint })),
    ]);
    expect(await verify(write(within), [])).toMatchObject({ unproven: 0n, faults: [] });
  });

  it('finds 1,000 of 1,000 tamperings', async () => {
    const pick = seeded(7);
    const kinds = Object.keys(tamperings);
    const missed: string[] = [];
    for (let i = 0; i < 1_000; i++) {
      const kind = kinds[i % kinds.length] ?? '';
      const tampered = tamperings[kind]!(pick);
      if ((await verify(tampered.texts, tampered.checkpoints)).faults.length === 0) missed.push(`${i}: ${kind}`);
    }
    expect(missed).toEqual([]);
  });

  it('is not alarmed by another spelling of the same', async () => {
    const spelt = lines.map((line, i) => {
      if (i % 4 === 0) return `  ${JSON.stringify(line, null, 2).replaceAll('\n', ' ')}\t`;
      if (i % 4 === 1) return JSON.stringify(line).replaceAll('ü', '\\u00fc');
      if (i % 4 === 2)
        return JSON.stringify(line)
          .replaceAll(/"half":(\d+)\.5/g, (_, whole: string) => `"half":${whole}5.0e-1`)
          .replace('"size":2,', '"size":2.0e0,');
      return JSON.stringify({
        personal: line.personal,
        hash: line.hash,
        record: Object.fromEntries(Object.entries(line.record).toReversed()),
      });
    });
    expect((await verify([...spelt, ''])).faults).toEqual([]);
  });

  it('goes on from where retention ended, when a checkpoint says so, and stays whole when a person was erased', async () => {
    const start = signCheckpoint(keys.privateKey, keys.keyId, {
      kind: 'start',
      org_id: 'org_a',
      n: '33',
      hash: lines[32]!.hash,
      at: '2026-11-24T00:00:00.000Z',
    });
    const kept = lines.slice(33).map((line) => ({ ...line, personal: null }));
    expect(await verify(write(kept), [...checkpoints, start])).toMatchObject({ first: 34n, faults: [] });
    expect((await verify(write(kept))).faults[0]?.kind).toBe('HEAD_MISSING');
    expect((await verify([], [start])).faults).toEqual([]);
    expect((await verify([])).faults[0]?.kind).toBe('TAIL_MISSING');
  });

  it('says how far the proof goes', async () => {
    const some = checkpoints.filter((c) => c.n !== '80');
    expect((await verify(write(lines), some)).faults[0]?.kind).toBe('UNPROVEN');
    const live = await verifyExport(write(lines), {
      checkpoints: some,
      publicKeys: [keys.publicKey],
      allowUnproven: true,
    });
    expect(live).toMatchObject({ faults: [], unproven: 20n, proven: { n: '60' } });
  });
});
