import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import { readArguments } from './arguments.ts';
import type { Programs, Run } from './program.ts';

const CHECKSUMS = /(sha\d+sums?[^/]*|checksums[^/]*)\.?(txt)?$/i;
/** Names a list of checksums may be about, beside the list. */
const ASSETS = ['k3s', 'k3s-arm64', 'k0s', 'node_exporter', 'caddy', 'traefik', 'app'];

/** What a made-up file on the internet holds: the same every time, and its checksums fit. */
function download(url: string): string {
  if (!CHECKSUMS.test(url)) return `simulated download of ${url}\n`;
  const base = posix.dirname(url);
  return ASSETS.map(
    (name) =>
      `${createHash('sha256')
        .update(download(`${base}/${name}`))
        .digest('hex')}  ${name}\n`,
  ).join('');
}

async function curl(run: Run): Promise<number> {
  const { shell, io } = run;
  const { options, operands } = readArguments(
    run.args,
    [
      'o',
      'O',
      'H',
      'd',
      'X',
      'u',
      'm',
      'w',
      'A',
      'retry',
      'retry-delay',
      'connect-timeout',
      'max-time',
      'output',
      'header',
      'data',
      'request',
      'cacert',
      'write-out',
      'retry-max-time',
      'output-document',
      'P',
      't',
      'T',
    ].filter((one) => !(run.name === 'curl' && one === 'O')),
  );
  let status = 0;
  for (const url of operands) {
    const answer = await fetchInside(run, url);
    if (answer === undefined) {
      if (!options.has('s')) run.fail(`(7) Failed to connect to ${url}: Connection refused`);
      status = 7;
      continue;
    }
    const failed = answer.status >= 400 && (options.has('f') || options.has('fail'));
    if (failed) status = 22;
    const output =
      options.get('o') ??
      options.get('output') ??
      options.get('output-document') ??
      (run.name === 'curl' ? undefined : options.get('O'));
    const target =
      output ?? (options.has('O') || run.name === 'wget' ? posix.basename(url.split('?')[0] ?? '') : undefined);
    if (!failed && target !== undefined && target !== '-' && target !== '/dev/null')
      shell.guest.disk.write(shell.path(target), Buffer.from(answer.body, 'latin1'));
    else if (!failed && target !== '/dev/null') io.out(answer.body);
    const format = options.get('w') ?? options.get('write-out');
    if (format !== undefined) io.out(format.replaceAll('%{http_code}', String(answer.status)).replaceAll('\\n', '\n'));
  }
  return status;
}

/** Asks the simulated site; names and addresses outside it give made-up files. */
async function fetchInside(run: Run, url: string): Promise<{ status: number; body: string } | undefined> {
  const [, scheme = 'http', host = '', port, path = '/'] =
    /^(?:(https?):\/\/)?([^/:]+)(?::(\d+))?(\/.*)?$/.exec(url) ?? [];
  const local = host === 'localhost' || host.startsWith('127.') || host === run.shell.guest.hostname;
  const inside = local || /^\d+\.\d+\.\d+\.\d+$/.test(host);
  if (!inside) return { status: 200, body: download(url) };
  const number = port === undefined ? (scheme === 'https' ? 443 : 80) : Number(port);
  return run.shell.guest.site.ask(local ? run.shell.guest.vmid : host, number, path);
}

function connects({ shell, args }: Run): number {
  const [host = '', port = ''] = args.filter((one) => !one.startsWith('-'));
  return shell.guest.site.listens(
    host === 'localhost' || host.startsWith('127.') ? shell.guest.vmid : host,
    Number(port),
  )
    ? 0
    : 1;
}

/** Commands that reach out; nothing leaves the simulated site. */
export const network: Programs = {
  curl,
  wget: curl,
  nc: connects,
  ncat: connects,
  ping: ({ args, io }) => {
    io.out(`PING ${args.at(-1) ?? ''}: 1 packets transmitted, 1 received\n`);
    return 0;
  },
  pg_isready: ({ shell, args, io }) => {
    const { options } = readArguments(args, ['h', 'p', 'U', 'd', 't', 'host', 'port']);
    const host = options.get('h') ?? options.get('host') ?? 'localhost';
    const up = shell.guest.site.listens(
      /^(localhost|127\.|\/)/.test(host) ? shell.guest.vmid : host,
      Number(options.get('p') ?? 5432),
    );
    io.out(up ? 'accepting connections\n' : 'no response\n');
    return up ? 0 : 2;
  },
  pg_basebackup: ({ shell, args, io, fail }) => {
    const { options } = readArguments(args, ['h', 'U', 'D', 'host', 'pgdata', 'username']);
    const host = options.get('host') ?? options.get('h') ?? 'localhost';
    if (!shell.guest.site.listens(/^(localhost|127\.)/.test(host) ? shell.guest.vmid : host, 5432))
      return fail(`error: connection to server at "${host}", port 5432 failed: Connection refused`);
    const data = options.get('pgdata') ?? options.get('D') ?? '';
    shell.guest.disk.write(`${shell.path(data)}/PG_VERSION`, Buffer.from('15\n'));
    shell.guest.disk.write(`${shell.path(data)}/standby.signal`, Buffer.alloc(0));
    io.out('simulated: base backup complete\n');
    return 0;
  },
};
