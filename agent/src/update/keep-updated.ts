import { readFileSync } from 'node:fs';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { UpdateOutcome } from '@truffle/api/agent/v1/rollout';
import { AgentUpdateService } from '@truffle/api/agent/v1/update_service';
import type { Logger } from 'pino';
import { systemClock } from '../command/clock.ts';
import { callGateway } from '../identity/gateway-call.ts';
import type { PairCredentials } from '../identity/pair.ts';
import type { UpdateAllowed } from '../policy/update.ts';
import { ownPlatform } from '../release/manifest.ts';
import { askForUpdate, bringRelease } from './bring.ts';
import { installedPlaces } from './places.ts';
import { readRecord, readTrying, type Ending } from './record.ts';
import { Updater } from './updater.ts';

export interface KeepUpdatedInput {
  readonly dataFolder: string;
  /** Origin of the control plane; undefined where it is not known. */
  readonly server: string | undefined;
  /** File with the key that releases are signed with; empty for none. */
  readonly releaseKey: string;
  /** How often it is asked, in milliseconds; ten minutes unless told. */
  readonly everyMs: number | undefined;
  readonly version: string;
  readonly credentials: () => PairCredentials;
  readonly endpoints: () => readonly string[];
  readonly connected: () => boolean;
  readonly idle: () => boolean;
  readonly allowed: () => UpdateAllowed;
  readonly log: Logger;
}

/** Keeps the installed agent at the version that its control plane wants, as far as the site allows. @returns how to end that */
export function keepUpdated(input: KeepUpdatedInput): () => Promise<void> {
  const { dataFolder, server, releaseKey, version, log } = input;
  if (server === undefined || releaseKey === '') return () => Promise.resolve();
  const places = installedPlaces(dataFolder);
  let turn = 0;
  const updater = new Updater({
    version,
    connected: input.connected,
    ask: async (last) => {
      const known = input.endpoints();
      const endpoint = known[turn++ % Math.max(1, known.length)] ?? '';
      const request = { version, ...(last === undefined ? {} : { last: messageOf(last) }) };
      return (await callGateway(endpoint, input.credentials(), AgentUpdateService.method.checkUpdate, request)).version;
    },
    record: () => readRecord(places.memory),
    underWay: () => readTrying(places.memory) !== undefined,
    allowed: input.allowed,
    bring: (wanted, signal) =>
      bringRelease({
        server,
        version: wanted,
        current: version,
        platform: ownPlatform(),
        key: readFileSync(releaseKey, 'utf8'),
        staged: places.staged,
        signal,
      }),
    idle: input.idle,
    askRoot: (wanted) => askForUpdate(places.staged, wanted),
    everyMs: input.everyMs,
    clock: systemClock,
    random: Math.random,
    log,
  });
  updater.start();
  return () => updater.stop();
}

const outcomes: Readonly<Record<Ending['outcome'], UpdateOutcome>> = {
  updated: UpdateOutcome.UPDATED,
  'rolled back': UpdateOutcome.ROLLED_BACK,
  unproven: UpdateOutcome.UNPROVEN,
  refused: UpdateOutcome.REFUSED,
};

const messageOf = ({ from, to, outcome, reason, at }: Ending) => ({
  fromVersion: from,
  toVersion: to,
  outcome: outcomes[outcome],
  reason,
  endedAt: timestampFromDate(new Date(at)),
});
