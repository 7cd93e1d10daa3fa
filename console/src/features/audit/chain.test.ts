import { chainHash, chainStart, checkpointKeyId, signCheckpoint, type AuditRecord } from '@truffle/audit';
import { generateKeyPairSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { checkChain, readKeys } from './chain.ts';

const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const pem = publicKey.export({ type: 'spki', format: 'pem' });

function recordOf(n: number): AuditRecord {
  return {
    id: `evt_${n}`,
    org_id: 'org_a',
    n: String(n),
    type: 'dev.truffle.cluster.created.v1',
    action: n % 2 === 0 ? null : 'cluster.create',
    result: 'OK',
    resource_id: 'clu_1',
    project_id: null,
    actor_subject: 'user:usr_1',
    actor_on_behalf_of: null,
    person: null,
    request_id: `req_${n}`,
    traceparent: null,
    visibility: 'organization',
    occurred_at: '2026-11-23T10:00:00.000001Z',
    data: { after: { size: n * 1e21, text: 'ü\u2028"', half: n + 0.5 } },
  };
}

/** The lines of an export of `count` records, and the checkpoint of the last, by the code that the control plane runs. */
function trailOf(count: number) {
  let hash = chainStart;
  const lines = Array.from({ length: count }, (_, i) => {
    const record = recordOf(i + 1);
    hash = chainHash(hash, record);
    return { record, hash: hash.toString('hex'), personal: null };
  });
  const mark = signCheckpoint(privateKey, checkpointKeyId(publicKey), {
    kind: 'head',
    org_id: 'org_a',
    n: String(count),
    hash: hash.toString('hex'),
    at: '2026-11-23T10:00:00.000Z',
  });
  return { lines, mark };
}

async function found(lines: readonly unknown[], marks: Parameters<typeof checkChain>[1]) {
  const each = async function* () {
    for (const line of lines) yield JSON.stringify(line);
  };
  return checkChain(each(), marks, await readKeys([pem]));
}

test('a trail as it was written is whole', async () => {
  const { lines, mark } = trailOf(20);
  expect(await found(lines, [mark])).toEqual({ records: 20, last: 20n, proven: 20n, faults: [] });
  expect(await found([...lines, { checkpoint: mark }], [])).toMatchObject({ faults: [] });
});

test('each tampering shows', async () => {
  const { lines, mark } = trailOf(20);
  const [first, second] = lines.slice(3);
  if (first === undefined || second === undefined) throw new TypeError('the trail is too short');
  const changed = { ...first, record: { ...recordOf(4), result: 'PERMISSION_DENIED' } };
  const faultsOf = async (tampered: readonly unknown[], marks = [mark]) => (await found(tampered, marks)).faults;
  expect(await faultsOf(lines.with(3, changed))).toEqual(['record 4 or the one before it is not what was written']);
  expect(await faultsOf(lines.toSpliced(5, 1))).toContain('record 7 follows record 5');
  expect(await faultsOf(lines.with(3, second).with(4, first))).toContain('record 5 follows record 3');
  expect(await faultsOf(lines.slice(0, 12))).toEqual([
    'records up to 20 are missing, which a checkpoint proves were there',
  ]);
  expect(await faultsOf(lines.slice(4))).toContain(
    'the trail begins with record 5, and nothing signed stands for what was before',
  );
  expect(await faultsOf(lines, [{ ...mark, n: '19' }])).toContain(
    'the checkpoint of record 19 is not signed by the audit key',
  );
});

test('a chain that was made anew contradicts what was signed', async () => {
  const { mark } = trailOf(20);
  let hash = chainStart;
  const lines = Array.from({ length: 20 }, (_, i) => {
    const record = { ...recordOf(i + 1), resource_id: 'clu_2' };
    hash = chainHash(hash, record);
    return { record, hash: hash.toString('hex'), personal: null };
  });
  expect((await found(lines, [mark])).faults).toEqual(['record 20 has another hash than was signed']);
});
