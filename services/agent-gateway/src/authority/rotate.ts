import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { readSettings } from '@truffle/config';
import { gatewaySettings } from '../gateway.settings.ts';
import { beginRotation, endRotation, readRotation, RotationError, switchRotation, type Rotation } from './rotation.ts';

const help = `Changes the authority of agents' certificates, step by step; see docs/agent.md.

  node services/agent-gateway/src/authority/rotate.ts status | begin | switch | end [--force]

Reads TRUFFLE_AGENT_CA_DIR and TRUFFLE_AGENT_CERTIFICATE_HOURS. After each step restart every gateway, one after the other.
--force does not wait until every agent has had time to hear of the step before.`;

/** Twice the life of a certificate: every agent that is not away for longer has renewed at least once. */
const lives = 2;

async function step(verb: string | undefined, force: boolean): Promise<Rotation | undefined> {
  const { authorityFolder, certificateHours } = gatewaySettings;
  const settings = readSettings({ authorityFolder, certificateHours }, process.env, (path) =>
    readFileSync(path, 'utf8'),
  );
  const now = new Date();
  const overlapMs = force ? 0 : settings.certificateHours * lives * 3_600_000;
  switch (verb) {
    case 'status':
      return readRotation(settings.authorityFolder);
    case 'begin':
      return beginRotation(settings.authorityFolder, now);
    case 'switch':
      return switchRotation(settings.authorityFolder, now, overlapMs);
    case 'end':
      return endRotation(settings.authorityFolder, now, overlapMs);
    default:
      return undefined;
  }
}

const { positionals, values } = parseArgs({ options: { force: { type: 'boolean' } }, allowPositionals: true });
try {
  const rotation = await step(positionals[0], values.force === true);
  process.stdout.write(`${rotation === undefined ? help : JSON.stringify(rotation, null, 2)}\n`);
  process.exitCode = rotation === undefined ? 2 : 0;
} catch (error) {
  if (!(error instanceof RotationError)) throw error;
  process.stderr.write(`rotate: ${error.message}\n`);
  process.exitCode = 1;
}
