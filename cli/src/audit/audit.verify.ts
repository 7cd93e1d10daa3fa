import { createPublicKey, type KeyObject } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { ExportLineError, readCheckpoint, verifyExport, type Checkpoint, type Verdict } from '@truffle/audit';
import { AuditFormat, type AuditCheckpoint } from '@truffle/api/tenant/v1/audit';
import type { Handler } from '../command.ts';
import { CliError, exitCodes, UsageError } from '../failure/cli-error.ts';
import { readInput } from '../invoke.ts';
import type { Session } from '../session.ts';
import { chunksOf } from './audit.export.ts';

interface Options {
  readonly file?: string;
  readonly checkpoints?: readonly string[];
  readonly publicKey?: readonly string[];
}

/** The trail is not as it was written. */
class TrailTamperedError extends CliError {
  override readonly name = 'TrailTamperedError';
  constructor(verdict: Verdict) {
    super(
      exitCodes.failure,
      'AUDIT_TRAIL_TAMPERED',
      `the audit trail is not as it was written: ${verdict.faults.length} faults`,
      {
        details: verdict.faults.slice(0, 20).map((fault) => `${fault.kind}: ${fault.text}`),
        next: [
          'keep the file as it is, and compare it with an export and checkpoints from another place',
          'was the right public key given? the control plane names its keys in ListAuditCheckpoints',
        ],
      },
    );
  }
}

export const verify: Handler<Options> = async (cli, _, { file, checkpoints: files = [], publicKey: keyFiles = [] }) => {
  const keys = keyFiles.map((path) => readKey(path));
  const given = files.flatMap((path) => readCheckpoints(path));
  if (file !== undefined && keys.length === 0)
    throw new UsageError('an export is verified with the public key that you kept', {
      next: ['--public-key audit.pub.pem (on the control plane: audit.pub.pem among the service keys)'],
    });
  const verdict =
    file === undefined
      ? await online(await cli.session(), keys, given, (text) => cli.notes.say(text))
      : await verifyExport(linesOfFile(file), { checkpoints: given, publicKeys: keys });
  if (verdict.faults.length > 0) throw new TrailTamperedError(verdict);
  const { proven } = verdict;
  const said = `whole: events ${verdict.first} to ${verdict.last}, proven up to ${proven?.n ?? '-'} by the key ${proven?.key_id ?? '-'} at ${proven?.at ?? '-'}`;
  const data = {
    orgId: verdict.orgId,
    first: String(verdict.first),
    last: String(verdict.last),
    provenTo: proven?.n ?? '0',
    provenAt: proven?.at ?? '',
    keyId: proven?.key_id ?? '',
  };
  await cli.out.plain(data, said, String(verdict.last));
};

async function online(
  session: Session,
  keys: readonly KeyObject[],
  given: readonly Checkpoint[],
  say: (text: string) => void,
): Promise<Verdict> {
  const orgId = await session.orgId();
  const { keys: told, checkpoints } = await session.api.audit.listAuditCheckpoints({ orgId, page: { size: 500 } });
  const publicKeys = keys.length > 0 ? keys : told.map((key) => createPublicKey(key.publicKey));
  if (keys.length === 0)
    say(
      `the public key is the control plane's own word (${told.map((key) => key.keyId).join(', ')}); keep it and give it with --public-key`,
    );
  const lines = linesOf(chunksOf(session, AuditFormat.JSON_LINES, undefined));
  const own = checkpoints.map((checkpoint) => checkpointOf(orgId, checkpoint));
  return verifyExport(lines, { checkpoints: [...given, ...own], publicKeys, allowUnproven: true });
}

const checkpointOf = (orgId: string, checkpoint: AuditCheckpoint): Checkpoint =>
  readCheckpoint({
    kind: checkpoint.kind,
    org_id: orgId,
    n: String(checkpoint.n),
    hash: Buffer.from(checkpoint.hash).toString('hex'),
    at: checkpoint.at,
    key_id: checkpoint.keyId,
    signature: checkpoint.signature,
  });

function readKey(path: string): KeyObject {
  try {
    return createPublicKey(readInput(path, '--public-key'));
  } catch (cause) {
    if (cause instanceof UsageError) throw cause;
    throw new UsageError(`--public-key: ${path} has no public key`, {
      cause,
      next: ['give a PEM file that begins with BEGIN PUBLIC KEY'],
    });
  }
}

function readCheckpoints(path: string): Checkpoint[] {
  const lines = readInput(path, '--checkpoints')
    .split('\n')
    .filter((line) => line.trim() !== '');
  try {
    return lines.map((line) => {
      const value = JSON.parse(line) as { checkpoint?: unknown };
      return readCheckpoint(value.checkpoint ?? value);
    });
  } catch (cause) {
    if (!(cause instanceof ExportLineError || cause instanceof SyntaxError)) throw cause;
    throw new UsageError(`--checkpoints: ${path} has a line that is no checkpoint`, {
      cause,
      next: ['give a file as the control plane wrote it'],
    });
  }
}

async function* linesOfFile(path: string): AsyncGenerator<string> {
  try {
    yield* createInterface({ input: path === '-' ? process.stdin : createReadStream(path), crlfDelay: Infinity });
  } catch (cause) {
    throw new UsageError(`--file: can't read ${path}`, { cause, next: ['check the path and that you may read it'] });
  }
}

async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  if (rest !== '') yield rest;
}
