import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { PinnedKeys } from './identity/command-keys.ts';
import { fingerprintWords, holderFingerprint } from '@truffle/sealing';
import { SealingKeys, keptMs } from './identity/sealing-keys.ts';
import { readIdentity } from './identity/identity.ts';
import { readOwnEntry, type OwnEntry } from './identity/key-log.ts';
import { approvalWords } from './identity/keys.ts';
import { readQuarantine, wayOut, type Quarantine } from './identity/quarantine.ts';

/** What a person is shown of an agent; read beside a running one, without disturbing it. */
export interface AgentStatus {
  readonly enrolled: boolean;
  readonly agentId?: string;
  readonly orgId?: string;
  readonly certificateEnds?: string;
  /** Words of the key that secrets are sealed to. */
  readonly fingerprint?: string;
  /** Since when that key is in use, and until when each former one is kept for what was sealed before. */
  readonly sealing?: { readonly since?: string | undefined; readonly formerUntil: readonly string[] };
  /** Ids of the keys whose commands it takes. */
  readonly commandKeys?: readonly string[];
  /** What a person compares before the agent is approved; unset once it had a session. */
  readonly approval?: string | undefined;
  /** Why the control plane gives it no work. */
  readonly quarantine?: Quarantine | undefined;
  /** Its entry in the log of sealing keys, and whether another key was published as its own. */
  readonly keyLog?: OwnEntry | undefined;
  readonly incarnation?: string;
  /** Tells this data folder from a copy of it. */
  readonly holder?: string;
  readonly bootNo?: number;
  readonly epoch?: number;
  /** Commands in the journal by state. */
  readonly commands: Readonly<Record<string, number>>;
}

/** Reads identity and journal of a data folder. */
export async function readStatus(dataFolder: string): Promise<AgentStatus> {
  const identity = readIdentity(dataFolder);
  const who =
    identity === undefined
      ? { enrolled: false }
      : {
          enrolled: true,
          agentId: identity.agentId,
          orgId: identity.orgId,
          certificateEnds: identity.certificateEnds.toISOString(),
          fingerprint: fingerprintWords(identity.sealing.publicKey),
          sealing: sealingOf(dataFolder),
          commandKeys: new PinnedKeys(dataFolder).ids,
          approval: approvalWords(dataFolder),
          quarantine: readQuarantine(dataFolder),
          keyLog: readOwnEntry(dataFolder),
        };
  const path = join(dataFolder, 'journal.db');
  if (!existsSync(path)) return { ...who, commands: {} };
  const db = new DatabaseSync(path, { readOnly: true, timeout: 2_000 });
  try {
    const meta = db.prepare('SELECT incarnation, boot_no, epoch, continuity FROM meta').get() ?? {};
    const states = db.prepare('SELECT state, count(*) AS n FROM inbox GROUP BY state').all();
    const commands = Object.fromEntries(states.map((row) => [String(row['state']), Number(row['n'])]));
    const continuity = meta['continuity'] instanceof Uint8Array ? meta['continuity'] : new Uint8Array();
    const told = continuity.length === 0 ? continuity : createHash('sha256').update(continuity).digest();
    return {
      ...who,
      incarnation: String(meta['incarnation']),
      holder: holderFingerprint(String(meta['incarnation']), told),
      bootNo: Number(meta['boot_no']),
      epoch: Number(meta['epoch']),
      ...(Number(meta['epoch']) > 0 ? { approval: undefined } : {}),
      commands,
    };
  } finally {
    db.close();
  }
}

function sealingOf(dataFolder: string): NonNullable<AgentStatus['sealing']> {
  const { since, former } = new SealingKeys(dataFolder);
  return {
    since: since === undefined ? undefined : new Date(since).toISOString(),
    formerUntil: former.map(({ givenUpAt }) => new Date(givenUpAt + keptMs).toISOString()),
  };
}

/** The status as lines of text. */
export function describeStatus(status: AgentStatus): string {
  if (!status.enrolled) return 'not enrolled';
  const commands = Object.entries(status.commands).map(([state, count]) => `${count} ${state}`);
  return [
    `agent        ${status.agentId}`,
    `organization ${status.orgId}`,
    `certificate  until ${status.certificateEnds}`,
    `fingerprint  ${status.fingerprint}`,
    ...(status.sealing === undefined
      ? []
      : [
          `sealing key  in use since ${status.sealing.since ?? 'its enrolment'}${status.sealing.formerUntil.map((at) => `; a former one is kept until ${at}`).join('')}`,
        ]),
    `command keys ${status.commandKeys?.join(', ') || 'none yet'}`,
    ...(status.approval === undefined ? [] : [`approval     ${status.approval}`]),
    ...(status.quarantine === undefined
      ? []
      : [
          `quarantine   ${status.quarantine.reason} since ${status.quarantine.since}: ${status.quarantine.message}`,
          `way out      ${wayOut(status.quarantine.reason, status.agentId ?? '', status.holder)}`,
        ]),
    ...substitutionOf(status.keyLog?.substituted),
    `holder       ${status.holder ?? 'has not run yet'}`,
    `incarnation  ${status.incarnation ?? 'has not run yet'}`,
    `boots        ${status.bootNo ?? 0}`,
    `epoch        ${status.epoch ?? 0}`,
    `commands     ${commands.length === 0 ? 'none' : commands.join(', ')}`,
  ].join('\n');
}

function substitutionOf(seen: OwnEntry['substituted']): readonly string[] {
  if (seen === undefined) return [];
  if (seen.until === undefined) return [`KEY SUBSTITUTED since ${seen.since}: ${seen.what}`];
  return [
    `KEY SUBSTITUTED from ${seen.since} until ${seen.until}: ${seen.what}; change the secrets that were given in that time`,
  ];
}
