import { readArguments } from './arguments.ts';
import type { Programs, Run } from './program.ts';

/** Files that come with a package, for scripts that change or look at them. */
const FILES: Readonly<Record<string, Record<string, string>>> = {
  nginx: {
    '/etc/nginx/nginx.conf':
      'user www-data;\nhttp {\n  include /etc/nginx/conf.d/*.conf;\n  include /etc/nginx/sites-enabled/*;\n}\n',
    '/etc/nginx/sites-enabled/default': 'server {\n  listen 80 default_server;\n  root /var/www/html;\n}\n',
    '/etc/nginx/conf.d/.keep': '',
    '/var/www/html/index.nginx-debian.html': '<h1>Welcome to nginx!</h1>\n',
  },
  haproxy: { '/etc/haproxy/haproxy.cfg': 'defaults\n  mode http\n', '/var/lib/haproxy/.keep': '' },
  postgresql: {
    '/etc/postgresql/15/main/postgresql.conf': "data_directory = '/var/lib/postgresql/15/main'\n",
    '/etc/postgresql/15/main/pg_hba.conf': 'local all postgres peer\n',
    '/etc/postgresql/15/main/conf.d/.keep': '',
    '/var/lib/postgresql/15/main/PG_VERSION': '15\n',
  },
  apache2: { '/etc/apache2/apache2.conf': '', '/etc/apache2/sites-enabled/000-default.conf': '' },
  'docker.io': { '/etc/docker/.keep': '' },
  'redis-server': { '/etc/redis/redis.conf': '' },
};

function apt({ shell, args, io, fail }: Run): number {
  const { operands } = readArguments(args, ['o', 't', 'c', 'target-release', 'option']);
  const [verb, ...names] = operands;
  if (shell.user !== 'root')
    return fail('E: Could not open lock file /var/lib/dpkg/lock-frontend - open (13: Permission denied)', 100);
  if (verb === 'update') io.out('Hit:1 http://deb.debian.org/debian bookworm InRelease\nReading package lists...\n');
  else if (verb === 'install') {
    io.out('Reading package lists...\nBuilding dependency tree...\n');
    for (const name of names) install({ shell, io }, name);
  } else if (verb === 'remove' || verb === 'purge') {
    for (const name of names) {
      shell.guest.services.remove(name);
      io.out(`Removing ${name} ...\n`);
    }
  }
  return 0;
}

/** Unpacks a package; configuration that is there already is kept, as --force-confold would. */
function install({ shell, io }: Pick<Run, 'shell' | 'io'>, name: string): void {
  const { services, disk } = shell.guest;
  const bare = name.split('=')[0] ?? name;
  if (services.packages.has(bare)) {
    io.out(`${bare} is already the newest version.\n`);
    return;
  }
  for (const [path, content] of Object.entries(FILES[bare] ?? {}))
    if (!disk.exists(path)) disk.write(path, Buffer.from(content));
  services.install(bare);
  io.out(`Setting up ${bare} (simulated) ...\n`);
}

function dpkg({ shell, args, io }: Run): number {
  const { options, operands } = readArguments(args, ['f', 'showformat']);
  if (options.has('i')) {
    for (const name of operands) install({ shell, io }, name.split('/').pop()?.replace(/_.*$/, '') ?? name);
    return 0;
  }
  if (options.has('print-architecture')) {
    io.out('amd64\n');
    return 0;
  }
  const known = operands.filter((name) => shell.guest.services.packages.has(name));
  for (const name of known)
    io.out(options.has('f') || options.has('showformat') ? 'install ok installed' : `ii  ${name}  1.0  amd64\n`);
  return known.length === operands.length ? 0 : 1;
}

/** Debian's packages: installing one brings its services up. */
export const packages: Programs = {
  apt,
  'apt-get': apt,
  dpkg,
  'dpkg-query': dpkg,
  'apt-key': () => 0,
  'apt-mark': () => 0,
  'debconf-set-selections': async ({ io }) => {
    await io.input.all();
    return 0;
  },
};
