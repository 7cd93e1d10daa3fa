#!/usr/bin/env node
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { readImage } from '@truffle/qemu';
import { ensureImage, ensureSuspended, type ImageName, imageNames, ownShop, usualShape } from '@truffle/qemu/images';
import { parseFaults } from './faults/control.ts';
import type { SimulatorOptions } from './options.ts';
import { startSimulator } from './simulator.ts';

const HELP = `A simulated Proxmox VE site: the API of version 9.2 over HTTPS, guests that answer SSH through a bastion.

  --json             print one line of JSON on stdout when ready
  --nodes N|a,b      nodes: how many, or their names (default 3: pve1, pve2, pve3)
  --clone-ms N       how long a full clone takes (default 1000)
  --boot-ms N        from power on until agent and SSH answer (default 1000)
  --port N           API port on 127.0.0.1 (default: a free one)
  --faults FILE      JSON list of faults to start with (see README.md)
  --state-dir DIR    where keys and the site survive a restart (default: nowhere)
  --guests KIND      scripted (default), or real ones by QEMU: fast, debian-lite, debian (the same as qemu)
  --status-ms N      how often lists learn what guests are like (default 0: at once)
  --info-file FILE   write that line to a file of mode 0600 when ready
  --help             this text
`;

function count(text: string | undefined, name: string): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d+$/.test(text)) throw new UsageError(`--${name} wants a number, not '${text}'`);
  return Number(text);
}

class UsageError extends Error {
  readonly code = 'SIMULATOR_USAGE';
}

/** The image that real guests are made of; undefined for scripted ones. */
function guestsOf(kind = 'scripted'): ImageName | undefined {
  if (kind === 'scripted') return undefined;
  const name = imageNames.find((each) => each === (kind === 'qemu' ? 'debian' : kind));
  if (name === undefined)
    throw new UsageError(`--guests wants scripted, qemu, ${imageNames.join(', ')}, not '${kind}'`);
  return name;
}

interface Started {
  readonly options: SimulatorOptions;
  readonly guests: ImageName | undefined;
  readonly json: boolean;
  readonly help: boolean;
  readonly infoFile: string | undefined;
}

function readOptions(): Started {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean' },
      help: { type: 'boolean' },
      nodes: { type: 'string' },
      'clone-ms': { type: 'string' },
      'boot-ms': { type: 'string' },
      port: { type: 'string' },
      faults: { type: 'string' },
      'state-dir': { type: 'string' },
      'info-file': { type: 'string' },
      'status-ms': { type: 'string' },
      guests: { type: 'string' },
    },
  });
  const { nodes, faults } = values;
  const options = {
    nodes: nodes === undefined ? undefined : /^\d+$/.test(nodes) ? Number(nodes) : nodes.split(','),
    cloneMs: count(values['clone-ms'], 'clone-ms'),
    bootMs: count(values['boot-ms'], 'boot-ms'),
    port: count(values.port, 'port'),
    statusIntervalMs: count(values['status-ms'], 'status-ms'),
    stateDir: values['state-dir'],
    faults: faults === undefined ? undefined : parseFaults(readFileSync(faults, 'utf8')),
  };
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  return {
    options: given,
    guests: guestsOf(values.guests),
    json: values.json === true,
    help: values.help === true,
    infoFile: values['info-file'],
  };
}

/** Whoever sees the file sees all of it. */
function writeWhole(path: string, text: string): void {
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** The image, and a suspended guest of it. */
async function imageOf(guests: ImageName): Promise<string> {
  const image = await ensureImage(guests, ownShop);
  await ensureSuspended(readImage(image), usualShape, ownShop);
  return image;
}

async function main(): Promise<void> {
  const { options, guests, json, help, infoFile } = readOptions();
  if (help) {
    process.stdout.write(HELP);
    return;
  }
  const simulator = await startSimulator({
    ...options,
    ...(guests === undefined ? {} : { guestImage: await imageOf(guests) }),
  });
  const { info } = simulator;
  if (infoFile !== undefined) writeWhole(infoFile, JSON.stringify(info));
  if (json) process.stdout.write(`${JSON.stringify(info)}\n`);
  else
    process.stdout.write(
      `Simulated Proxmox VE at ${info.url}\n  token    ${info.tokenId}=${info.tokenSecret}\n  login    ${info.user} / ${info.password}\n  trust    ${info.caFile}\n  bastion  ${info.bastion.user}@${info.bastion.host}:${info.bastion.port} (key ${info.bastion.keyFile})\n  faults   ${info.controlUrl}/faults\n`,
    );
  process.stderr.write('Ready; Ctrl-C stops it.\n');
  const stop = (): void => {
    void simulator.close().then(() => process.exit(0));
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
