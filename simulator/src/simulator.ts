import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Tickets } from './access/ticket.ts';
import { type Bastion, startBastion } from './bastion.ts';
import { type Certificates, makeCertificates } from './certificate.ts';
import { systemClock } from './clock.ts';
import { Cluster } from './cluster/cluster.ts';
import { type Control, startControl } from './faults/control.ts';
import { Faults } from './faults/faults.ts';
import { Guests } from './guest/guests.ts';
import { Machines } from './guest/machines.ts';
import { listen, serve } from './http/server.ts';
import type { SimulatorOptions } from './options.ts';
import { type Random, systemRandom } from './random.ts';
import { makeSshKey } from './ssh-key.ts';
import { DEMO_TOKEN, type Seed, demoSeed } from './seed.ts';
import { addVnet, neighbourTable, type Vnet } from './sdn/sdn.ts';
import { StateFolder, restore } from './state.ts';
import { Tasks } from './task/task.ts';
import { drives, isCdrom } from './vm/drive.ts';

/** What a client needs to use the simulated site: printed by `--json`. */
export interface SimulatorInfo {
  /** `https://127.0.0.1:port` */
  url: string;
  /** `truffle@pve!agent` */
  tokenId: string;
  tokenSecret: string;
  /** PEM file of the certificate authority to trust. */
  caFile: string;
  /** An administrator's login. */
  user: string;
  password: string;
  bastion: { host: string; port: number; user: string; keyFile: string; hostKeyFingerprint: string };
  /** Where faults are dialled in, over plain HTTP on loopback. */
  controlUrl: string;
  nodes: string[];
  pid: number;
}

export interface Simulator {
  readonly info: SimulatorInfo;
  readonly cluster: Cluster;
  readonly faults: Faults;
  /** The neighbours of a host in one network with the guests, as Linux shows them in `/proc/net/arp`. */
  neighbours(): string;
  /** Adds a virtual network whose addresses the cluster's own IPAM gives out. */
  addVnet(name: string, vnet: Vnet): void;
  /** Has the API show another certificate of the same authority, as the real one does every other year. */
  renewCertificate(): Promise<void>;
  /** Stops everything and saves the site. Safe to call twice. */
  close(): Promise<void>;
}

const GIB = 1024 ** 3;
const HOUR_MS = 60 * 60 * 1000;

interface Secrets {
  password: string;
  ticketKey: string;
}

/** Starts a simulated Proxmox VE site in this process. */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const temporary = options.stateDir === undefined;
  const directory = options.stateDir ?? mkdtempSync(join(tmpdir(), 'pve-simulator-'));
  const folder = new StateFolder(directory);
  const random = options.random ?? systemRandom;
  const names = nodeNames(options.nodes ?? 3);
  const clock = options.clock ?? systemClock();
  const secrets = loadSecrets(folder, random);
  const certificates = await loadCertificates(folder, names);
  const faults = new Faults();
  for (const fault of options.faults ?? []) faults.add(fault);
  const cluster = buildCluster({ options, clock, random, secrets, faults });
  cluster.caPem = certificates.caCert;
  if (options.guestImage !== undefined) cluster.guests.machines = openMachines(folder, options.guestImage);
  populate(cluster, options.seed ?? demoSeed(names, secrets.password), folder);
  if (!temporary) {
    cluster.changed = () => folder.saveSoon(cluster);
    cluster.tasks.onChange = cluster.changed;
  }
  const server = serve(cluster, { key: certificates.key, cert: certificates.cert });
  const port = await listen(server, options.port ?? 0);
  const bastion = await startBastion(cluster, folder);
  const control = await startControl(cluster);
  const reporting = report(cluster, options.statusIntervalMs ?? 0);
  let closed = false;
  return {
    info: describe({ cluster, folder, port, bastion, control, secrets }),
    cluster,
    faults,
    neighbours: () => neighbourTable(cluster),
    addVnet: (name, vnet) => addVnet(cluster, name, vnet),
    renewCertificate: async () => {
      const next = await certificates.renew?.();
      if (next !== undefined) server.setSecureContext(next);
    },
    close: async () => {
      if (closed) return;
      closed = true;
      clearInterval(reporting);
      clock.close();
      server.closeAllConnections();
      await Promise.all([new Promise((resolve) => server.close(resolve)), bastion.close(), control.close()]);
      await cluster.guests.machines?.close();
      if (temporary) rmSync(directory, { recursive: true, force: true });
      else folder.saveSite(cluster);
    },
  };
}

/** A site that survives a restart finds its machines again. */
function openMachines(folder: StateFolder, image: string): Machines {
  const saved = folder.read('guest_key.json');
  const key = saved === undefined ? makeSshKey() : (JSON.parse(saved) as ReturnType<typeof makeSshKey>);
  if (saved === undefined) folder.write('guest_key.json', JSON.stringify(key));
  return new Machines({ folder: folder.path('vm'), image, key });
}

function nodeNames(nodes: number | readonly string[]): string[] {
  return typeof nodes === 'number' ? Array.from({ length: nodes }, (_, at) => `pve${at + 1}`) : [...nodes];
}

function loadSecrets(folder: StateFolder, random: Random): Secrets {
  const saved = folder.read('secrets.json');
  if (saved !== undefined) return JSON.parse(saved);
  const secrets: Secrets = { password: random.hex(12), ticketKey: random.hex(32) };
  folder.write('secrets.json', JSON.stringify(secrets));
  return secrets;
}

async function loadCertificates(folder: StateFolder, nodes: readonly string[]): Promise<Certificates> {
  const caCert = folder.read('ca.pem');
  const key = folder.read('api.key');
  const cert = folder.read('api.pem');
  if (caCert !== undefined && key !== undefined && cert !== undefined) return { caCert, key, cert };
  // Certificates are judged by the clients' own clocks, whatever time the site plays.
  const made = await makeCertificates(nodes, Date.now());
  folder.write('ca.pem', made.caCert);
  folder.write('api.key', made.key);
  folder.write('api.pem', made.cert);
  return made;
}

function buildCluster(parts: {
  options: SimulatorOptions;
  clock: Cluster['clock'];
  random: Random;
  secrets: Secrets;
  faults: Faults;
}): Cluster {
  const { options, clock, random, secrets, faults } = parts;
  const cloneMs = options.cloneMs ?? 1000;
  const tasks = new Tasks(clock, {
    bootedAtMs: clock.now() - (options.upHours ?? 1) * HOUR_MS,
    forkMs: options.forkMs ?? 0,
  });
  tasks.fault = ({ type, id, node }) => {
    const subject = { type, node, ...(/^\d+$/.test(id) ? { vmid: Number(id) } : {}) };
    const delayMs = faults.take('task-delay', subject)?.ms;
    const failWith = faults.take('task-fails', subject)?.text;
    const warnings: string[] = [];
    for (let one = faults.take('task-warns', subject); one !== undefined; one = faults.take('task-warns', subject))
      warnings.push(one.text);
    const failAfter = faults.take('task-fails-after', subject)?.text;
    return {
      warnings,
      ...(delayMs === undefined ? {} : { delayMs }),
      ...(failWith === undefined ? {} : { failWith }),
      ...(failAfter === undefined ? {} : { failAfter }),
    };
  };
  const cluster = new Cluster({
    clock,
    random,
    tasks,
    faults,
    tickets: new Tickets(secrets.ticketKey),
    timing: {
      cloneMs,
      bootMs: options.bootMs ?? 1000,
      diskMs: options.diskMs ?? Math.min(100, cloneMs / 10),
      authDelayMs: options.authDelayMs ?? 3000,
      agentWaitMs: options.agentWaitMs ?? 3000,
      statusIntervalMs: options.statusIntervalMs ?? 0,
      haMs: options.haMs ?? 1000,
    },
  });
  cluster.guests = new Guests({ clock, random, oneMachineId: options.oneMachineId ?? false });
  cluster.guests.seedImage = (vm) => {
    const images = drives(vm.config).filter(isCdrom);
    const data = images.map((one) => cluster.storages.volume(one.file, vm.node)?.data).find((one) => one !== undefined);
    return data === undefined ? undefined : Buffer.from(data, 'base64');
  };
  if (options.version !== undefined) cluster.version = options.version;
  return cluster;
}

function populate(cluster: Cluster, seed: Seed, folder: StateFolder): void {
  for (const [at, name] of seed.nodes.entries()) {
    cluster.nodes.set(name, {
      name,
      ip: `10.231.9.${at + 2}`,
      cpus: 32,
      memory: 256 * GIB,
      bridges: ['vmbr0'],
      online: true,
    });
  }
  const saved = folder.loadSite();
  if (saved !== undefined) return restore(cluster, saved);
  for (const storage of seed.storages) cluster.storages.byName.set(storage.storage, storage);
  seed.fill(cluster);
}

function report(cluster: Cluster, everyMs: number): NodeJS.Timeout | undefined {
  if (everyMs <= 0 || !Number.isFinite(everyMs)) return undefined;
  return setInterval(() => cluster.reports.broadcast(cluster), everyMs).unref();
}

function describe(parts: {
  cluster: Cluster;
  folder: StateFolder;
  port: number;
  bastion: Bastion;
  control: Control;
  secrets: Secrets;
}): SimulatorInfo {
  const { cluster, folder, port, bastion, control, secrets } = parts;
  const token = cluster.access.users[DEMO_TOKEN.userid]?.tokens[DEMO_TOKEN.tokenid];
  return {
    url: `https://127.0.0.1:${port}`,
    tokenId: `${DEMO_TOKEN.userid}!${DEMO_TOKEN.tokenid}`,
    tokenSecret: token?.secret ?? '',
    caFile: folder.path('ca.pem'),
    user: 'root@pam',
    password: secrets.password,
    bastion: bastion.info,
    controlUrl: control.url,
    nodes: [...cluster.nodes.keys()],
    pid: process.pid,
  };
}
