import type { Clock } from '../clock.ts';
import type { Random } from '../random.ts';
import { makeSshKey, publicLine } from '../ssh-key.ts';
import { readCard } from '../vm/bridge.ts';
import { authorizedKeys, readIpConfig } from '../vm/cloudinit.ts';
import { type Config, type Vm, memoryBytes } from '../vm/vm.ts';
import type { Seed } from './cidata.ts';
import { Disk, type DiskImage } from './disk.ts';
import { Services, type ServicesImage } from './services.ts';
import { runScript } from './shell/run.ts';
import type { Site } from './site.ts';

/** A network card as the guest sees it. */
export interface GuestCard {
  mac: string;
  address?: string;
  prefix: number;
}

/** How a command ended. */
export interface Executed {
  done: boolean;
  code: number;
  stdout: string;
  stderr: string;
}

/** What of a guest survives a restart of the simulator. */
export interface GuestImage {
  hostKey: string;
  disk: DiskImage;
  services: ServicesImage;
}

/** The operating system of a booted VM: scripted, in memory, harmless. */
export class Guest {
  readonly vmid: number;
  readonly disk: Disk;
  readonly services: Services;
  readonly hostKey: string;
  readonly clock: Clock;
  bootId = '';
  hostname = '';
  cards: GuestCard[] = [];
  /** The login the cloud-init drive made. */
  login = 'root';
  keys: string[] = [];
  memory = 0;
  readonly site: Site;
  /** Output of transient units, by name. */
  readonly journal = new Map<string, string>();
  private readonly transient = new Map<string, symbol>();
  private readonly commands = new Map<number, Executed>();
  private nextPid = 500;
  private readonly random: Random;

  constructor(vmid: number, parts: { clock: Clock; random: Random; site: Site }, image?: GuestImage) {
    this.vmid = vmid;
    this.clock = parts.clock;
    this.random = parts.random;
    this.site = parts.site;
    this.hostKey = image?.hostKey ?? makeSshKey().private;
    this.disk = new Disk(image?.disk);
    this.services = new Services(image?.services);
  }

  /** Reads the cloud-init drive and brings up what is enabled. */
  boot(vm: Vm, leasedAddress: (index: number) => string, seed: Seed | undefined): void {
    this.powerOff();
    this.bootId = this.random.uuid();
    this.services.boot();
    this.disk.remove('/run');
    this.disk.mkdir('/run');
    this.disk.write('/proc/sys/kernel/random/boot_id', Buffer.from(`${this.bootId}\n`));
    this.configure(vm, leasedAddress, seed);
  }

  /** Takes over names, addresses and keys: those of the NoCloud image where there is one, else those of the configuration. */
  configure(vm: Vm, leasedAddress: (index: number) => string, seed: Seed | undefined): void {
    const { config } = vm;
    this.hostname = seed?.hostname ?? (config['name'] ?? `vm${vm.vmid}`).split('.')[0] ?? '';
    this.login = seed?.user ?? config['ciuser'] ?? defaultLogin(this.osFamily(config));
    this.keys = seed === undefined ? authorizedKeys(config) : [...seed.keys];
    this.memory = memoryBytes(config);
    this.cards = Object.keys(config)
      .filter((key) => /^net\d+$/.test(key))
      .sort()
      .map((key) => card(config, key, leasedAddress, seed));
    this.disk.write(
      '/etc/ssh/ssh_host_ed25519_key.pub',
      Buffer.from(`${publicLine(this.hostKey)} root@${this.hostname}\n`),
    );
    this.disk.write('/etc/hostname', Buffer.from(`${this.hostname}\n`));
    this.disk.write(
      '/etc/os-release',
      Buffer.from(
        'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\nID=debian\n',
      ),
    );
    if (this.disk.read('/etc/machine-id') === undefined)
      this.disk.write('/etc/machine-id', Buffer.from(`${this.random.hex(16)}\n`));
    if (this.disk.read('/etc/hosts') === undefined)
      this.disk.write('/etc/hosts', Buffer.from(`127.0.0.1 localhost\n127.0.1.1 ${this.hostname}\n`));
    this.disk.mkdir(`/home/${this.login}`);
  }

  /** The address other machines reach it by. */
  get address(): string | undefined {
    return this.cards.find((one) => one.address !== undefined)?.address;
  }

  private osFamily(config: Config): string {
    return /ubuntu/i.test(`${config['description'] ?? ''} ${config['name'] ?? ''}`) ? 'ubuntu' : 'debian';
  }

  osinfo(): Record<string, string> {
    return {
      id: 'debian',
      name: 'Debian GNU/Linux',
      'pretty-name': 'Debian GNU/Linux 12 (bookworm)',
      version: '12 (bookworm)',
      'version-id': '12',
      machine: 'x86_64',
      'kernel-release': '6.1.0-56-cloud-amd64',
      'kernel-version': '#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-11-16)',
    };
  }

  /** Starts a command through the guest agent (as root); answers its pid. */
  execute(argv: readonly string[], stdin: string): number {
    this.nextPid += 4;
    const pid = this.nextPid;
    const record: Executed = { done: false, code: 0, stdout: '', stderr: '' };
    this.commands.set(pid, record);
    void runScript(this, argv.map(quote).join(' '), {
      user: 'root',
      stdin: () => Promise.resolve(Buffer.from(stdin)),
      stdout: (chunk) => {
        record.stdout += chunk.toString('utf8');
      },
      stderr: (chunk) => {
        record.stderr += chunk.toString('utf8');
      },
    }).then((code) => Object.assign(record, { done: true, code }));
    return pid;
  }

  executed(pid: number): Executed | undefined {
    return this.commands.get(pid);
  }

  /** Everything that runs stops at its next step. */
  powerOff(): void {
    this.bootId = '';
    this.transient.clear();
    this.journal.clear();
  }

  /** Notes that a transient unit runs; the token tells this run from a later one of the same name. */
  startTransient(name: string): symbol {
    const token = Symbol(name);
    this.transient.set(name, token);
    return token;
  }

  runsTransient(name: string, token: symbol): boolean {
    return this.transient.get(name) === token;
  }

  stopTransient(name: string): void {
    this.transient.delete(name);
  }

  /** Ten characters for a temporary name. */
  randomName(): string {
    return this.random.hex(5);
  }

  image(): GuestImage {
    return { hostKey: this.hostKey, disk: this.disk.image(), services: this.services.image() };
  }
}

function card(
  config: Config,
  key: string,
  leasedAddress: (index: number) => string,
  seed: Seed | undefined,
): GuestCard {
  const index = Number(key.slice(3));
  const { mac } = readCard(config[key] ?? '');
  const ip = seed === undefined ? readIpConfig(config, index).ip : seed.addresses.get(mac.toLowerCase());
  if (ip === undefined || ip === 'dhcp') return { mac, prefix: 16, address: leasedAddress(index) };
  if (ip === 'manual') return { mac, prefix: 24 };
  const [address = '', bits = '24'] = ip.split('/');
  return { mac, address, prefix: Number(bits) };
}

function defaultLogin(family: string): string {
  return family === 'ubuntu' ? 'ubuntu' : 'debian';
}

function quote(argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`;
}
