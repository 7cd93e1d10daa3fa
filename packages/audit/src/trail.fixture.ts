import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { checkpointKeyId, signCheckpoint, type Checkpoint } from './checkpoint.ts';
import type { ExportLine } from './line.ts';
import { personOf } from './person.ts';
import { chainHash, chainStart, type AuditRecord } from './record.ts';

export type RecordLine = Extract<ExportLine, { record: unknown }>;

export interface AuditKeys {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
  readonly keyId: string;
}

export function auditKeys(): AuditKeys {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  return { publicKey, privateKey, keyId: checkpointKeyId(publicKey) };
}

/** A whole number below `bound`, from a seed: the same each time. */
export function seeded(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
}

/** Chains `records` anew, as somebody who cannot sign could. */
export function chained(records: readonly AuditRecord[], personal: readonly RecordLine['personal'][]): RecordLine[] {
  let hash = chainStart;
  return records.map((record, i) => {
    hash = chainHash(hash, record);
    return { record, hash: hash.toString('hex'), personal: personal[i] ?? null };
  });
}

/** A trail of `count` events with its checkpoints: every `every` events and at the end. */
export function trail(
  keys: AuditKeys,
  count: number,
  every: number,
): { lines: RecordLine[]; checkpoints: Checkpoint[] } {
  const personal = Array.from({ length: count }, (_, i) =>
    i % 3 === 0
      ? null
      : {
          salt: Buffer.alloc(32, i).toString('base64url'),
          name: `Ada ${i}`,
          address: i % 2 === 0 ? '192.0.2.7' : null,
          user_agent: 'truffle/0.1',
        },
  );
  const records = personal.map((each, i): AuditRecord => {
    const subject = `user:usr_${i % 7}`;
    return {
      id: `evt_${i}`,
      org_id: 'org_a',
      n: String(i + 1),
      type: 'dev.truffle.cluster.created.v1',
      action: i % 5 === 0 ? null : 'cluster.create',
      result: i % 11 === 0 ? 'PERMISSION_DENIED' : 'OK',
      resource_id: `clu_${i % 13}`,
      project_id: i % 2 === 0 ? null : 'prj_1',
      actor_subject: subject,
      actor_on_behalf_of: null,
      person:
        each === null
          ? null
          : personOf(Buffer.from(each.salt, 'base64url'), subject, {
              name: each.name,
              address: each.address,
              user_agent: each.user_agent,
            }),
      request_id: `req_${i}`,
      traceparent: null,
      visibility: 'organization',
      occurred_at: `2026-11-23T10:00:00.${String(i).padStart(6, '0')}Z`,
      data: { before: { size: i, half: i + 0.5 }, after: { size: i * 1e21, text: 'ü\u2028"' }, list: [1, null, true] },
    };
  });
  const lines = chained(records, personal);
  const checkpoints = lines
    .filter((_, i) => (i + 1) % every === 0 || i === count - 1)
    .map(({ record, hash }) =>
      signCheckpoint(keys.privateKey, keys.keyId, {
        kind: 'head',
        org_id: 'org_a',
        n: record.n,
        hash,
        at: '2026-11-23T10:00:00.000Z',
      }),
    );
  return { lines, checkpoints };
}
