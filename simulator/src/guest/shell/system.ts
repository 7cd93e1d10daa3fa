import { readArguments } from './arguments.ts';
import type { Programs, Run } from './program.ts';
import { homeOf } from './shell.ts';

/** The longest a script sleeps at once, in seconds. */
const LONGEST_SLEEP = 600;
const UNITS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };

async function sleep({ shell, args }: Run): Promise<number> {
  const seconds = args
    .map((one) => Number.parseFloat(one) * (UNITS[one.at(-1) ?? 's'] ?? 1))
    .reduce((sum, one) => sum + one, 0);
  await shell.guest.clock.sleep(Math.min(seconds || 0, LONGEST_SLEEP) * 1000);
  shell.step();
  return 0;
}

function hostname({ shell, args, io }: Run): number {
  const { options, operands } = readArguments(args);
  if (operands[0] !== undefined) {
    shell.guest.hostname = operands[0];
    shell.guest.disk.write('/etc/hostname', Buffer.from(`${operands[0]}\n`));
  } else
    io.out(
      `${
        options.has('I') || options.has('i')
          ? shell.guest.cards
              .map((card) => card.address ?? '')
              .join(' ')
              .trim()
          : shell.guest.hostname
      }\n`,
    );
  return 0;
}

function uname({ shell, args, io }: Run): number {
  const parts: Record<string, string> = {
    s: 'Linux',
    n: shell.guest.hostname,
    r: '6.1.0-56-cloud-amd64',
    v: '#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-11-16)',
    m: 'x86_64',
    o: 'GNU/Linux',
  };
  const wanted = args.join('').replaceAll('-', '') || 's';
  io.out(
    `${(wanted === 'a' ? 'snrvmo' : wanted)
      .split('')
      .map((letter) => parts[letter] ?? '')
      .join(' ')}\n`,
  );
  return 0;
}

function id({ shell, args, io }: Run): number {
  const { options, operands } = readArguments(args);
  const user = operands[0] ?? shell.user;
  const number = user === 'root' ? 0 : 1000;
  if (options.has('n')) io.out(`${user}\n`);
  else if (options.has('u') || options.has('g')) io.out(`${number}\n`);
  else io.out(`uid=${number}(${user}) gid=${number}(${user}) groups=${number}(${user})\n`);
  return 0;
}

function date({ shell, args, io }: Run): number {
  const now = new Date(shell.guest.clock.now());
  const format = args.find((one) => one.startsWith('+'))?.slice(1);
  if (format === undefined) {
    io.out(`${now.toUTCString()}\n`);
    return 0;
  }
  const iso = now.toISOString();
  const parts: Record<string, string> = {
    s: String(Math.floor(now.getTime() / 1000)),
    Y: iso.slice(0, 4),
    m: iso.slice(5, 7),
    d: iso.slice(8, 10),
    H: iso.slice(11, 13),
    M: iso.slice(14, 16),
    S: iso.slice(17, 19),
    F: iso.slice(0, 10),
    T: iso.slice(11, 19),
    N: '000000000',
    Z: 'UTC',
    z: '+0000',
  };
  io.out(`${format.replaceAll(/%(\w)/g, (whole, key: string) => parts[key] ?? whole)}\n`);
  return 0;
}

function ip({ shell, args, io }: Run): number {
  for (const [at, card] of shell.guest.cards.entries()) {
    if (args.some((one) => one.startsWith('a')))
      io.out(`${at + 2}: eth${at}    inet ${card.address ?? ''}/${card.prefix} brd + scope global eth${at}\n`);
    else if (args.some((one) => one.startsWith('r')))
      io.out(`default via ${(card.address ?? '10.0.0.1').replace(/\d+$/, '1')} dev eth${at}\n`);
  }
  return 0;
}

function getent({ args, io }: Run): number {
  const [table = '', name = ''] = args;
  if (table === 'passwd') io.out(`${name}:x:1000:1000::${homeOf(name)}:/bin/bash\n`);
  else if (table === 'hosts' || table === 'ahosts') io.out(`10.0.0.1 ${name}\n`);
  else io.out(`${name}:x:1000:\n`);
  return 0;
}

const quiet = (): number => 0;

/** Commands about the machine itself. */
export const system: Programs = {
  sleep,
  hostname,
  uname,
  id,
  date,
  ip,
  getent,
  hostnamectl: ({ shell, args }) => {
    const at = args.findIndex((one) => one === 'set-hostname' || one === 'hostname');
    if (at >= 0 && args[at + 1] !== undefined) shell.guest.hostname = args[at + 1] ?? '';
    return 0;
  },
  whoami: ({ shell, io }) => {
    io.out(`${shell.user}\n`);
    return 0;
  },
  arch: ({ io }) => {
    io.out('x86_64\n');
    return 0;
  },
  nproc: ({ io }) => {
    io.out('2\n');
    return 0;
  },
  uptime: ({ io }) => {
    io.out(' 10:00:00 up 1 min,  0 users,  load average: 0.00, 0.00, 0.00\n');
    return 0;
  },
  seq: ({ args, io }) => {
    const numbers = args.map(Number);
    const from = numbers.length === 1 ? 1 : (numbers[0] ?? 1);
    const to = numbers.at(-1) ?? 1;
    const step = numbers.length === 3 ? (numbers[1] ?? 1) : 1;
    for (let one = from; step > 0 ? one <= to : one >= to; one += step || 1) io.out(`${one}\n`);
    return 0;
  },
  useradd: quiet,
  adduser: quiet,
  groupadd: quiet,
  usermod: quiet,
  passwd: quiet,
  chpasswd: quiet,
  sysctl: quiet,
  modprobe: quiet,
  swapoff: quiet,
  ufw: quiet,
  iptables: quiet,
  nft: quiet,
  locale: quiet,
  'locale-gen': quiet,
  timedatectl: quiet,
  loginctl: quiet,
  kill: quiet,
  pkill: quiet,
  logger: quiet,
  'cloud-init': ({ args, io }) => {
    if (args[0] === 'status') io.out('status: done\n');
    return 0;
  },
};
