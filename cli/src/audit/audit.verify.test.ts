import { spawnSync } from 'node:child_process';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { chainHash, chainStart, checkpointKeyId, signCheckpoint, type AuditRecord } from '@truffle/audit';
import { afterAll, describe, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'truffle-verify-'));
const program = resolve(import.meta.dirname, '../../truffle.mjs');
const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const keyId = checkpointKeyId(publicKey);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(...args: string[]): { status: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, 'audit', 'verify', ...args], {
    encoding: 'utf8',
    timeout: 30_000,
    env: { PATH: process.env['PATH'], HOME: folder },
  });
  return { status, out: stdout, err: stderr };
}

function write(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

/** An export of three records, and the checkpoint of the last. */
function exported(): { readonly trail: string; readonly checkpoint: string } {
  let hash = chainStart;
  const lines = ['1', '2', '3'].map((n) => {
    const record: AuditRecord = {
      id: `evt_${n}`,
      org_id: 'org_a',
      n,
      type: 'dev.truffle.thing.happened.v1',
      action: null,
      result: 'OK',
      resource_id: 'clu_1',
      project_id: null,
      actor_subject: 'user:usr_1',
      actor_on_behalf_of: null,
      person: null,
      request_id: createHash('sha256').update(n).digest('hex').slice(0, 12),
      traceparent: null,
      visibility: 'organization',
      occurred_at: '2026-11-23T10:00:00.000000Z',
      data: {},
    };
    hash = chainHash(hash, record);
    return JSON.stringify({ record, hash: hash.toString('hex'), personal: null });
  });
  const claim = {
    kind: 'head',
    org_id: 'org_a',
    n: '3',
    hash: hash.toString('hex'),
    at: '2026-11-23T10:01:00.000Z',
  } as const;
  return {
    trail: lines.join('\n'),
    checkpoint: JSON.stringify({ checkpoint: signCheckpoint(privateKey, keyId, claim) }),
  };
}

describe('truffle audit verify --file', () => {
  const { trail, checkpoint } = exported();
  const key = write('audit.pub.pem', publicKey.export({ type: 'spki', format: 'pem' }));
  const checkpoints = write('org_a.jsonl', `${checkpoint}\n`);

  it('proves an export without a server and without a sign-in', () => {
    const { status, out } = run(
      '--file',
      write('trail.jsonl', trail),
      '--checkpoints',
      checkpoints,
      '--public-key',
      key,
    );
    expect(out).toContain(`whole: events 1 to 3, proven up to 3 by the key ${keyId}`);
    expect(status).toBe(0);
  });

  it('fails and says where it was tampered with', () => {
    const changed = write('changed.jsonl', trail.replace('evt_2', 'evt_x'));
    const { status, err } = run('--file', changed, '--checkpoints', checkpoints, '--public-key', key);
    expect(err).toContain('event 2 or the one before it is not what was written');
    expect(status).toBe(1);
    const cut = write('cut.jsonl', trail.split('\n').slice(0, 2).join('\n'));
    expect(run('--file', cut, '--checkpoints', checkpoints, '--public-key', key).err).toContain('TAIL_MISSING');
  });

  it('asks for what it lacks', () => {
    expect(run('--file', write('trail.jsonl', trail))).toMatchObject({ status: 2 });
    expect(run('--file', join(folder, 'none.jsonl'), '--public-key', key).err).toContain("can't read");
    expect(run('--file', write('trail.jsonl', trail), '--public-key', checkpoints).err).toContain('has no public key');
  });
});
