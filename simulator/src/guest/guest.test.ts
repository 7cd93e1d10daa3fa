import type { Client } from 'ssh2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { api, channel, connect, connectBastion, finished, run, until } from '../client.fixture.ts';
import { type Simulator, startSimulator } from '../simulator.ts';
import { makeSshKey } from '../ssh-key.ts';

let simulator: Simulator;
let bastion: Client;
let guest: Client;
let address = '';
const key = makeSshKey();

beforeAll(async () => {
  simulator = await startSimulator({ nodes: 1, cloneMs: 0, bootMs: 0 });
  const { info } = simulator;
  await finished(
    info,
    await api(info, 'POST', '/nodes/pve1/qemu/9000/clone', { newid: '100', name: 'web-1', pool: 'truffle', full: '1' }),
  );
  await api(info, 'PUT', '/nodes/pve1/qemu/100/config', { ciuser: 'admin', sshkeys: encodeURIComponent(key.public) });
  await finished(info, await api(info, 'POST', '/nodes/pve1/qemu/100/status/start', {}));
  const found = (await api(info, 'GET', '/nodes/pve1/qemu/100/agent/network-get-interfaces')) as {
    result: { name: string; 'ip-addresses': { 'ip-address': string }[] }[];
  };
  address = found.result.find((one) => one.name === 'eth0')?.['ip-addresses'][0]?.['ip-address'] ?? '';
  bastion = await connectBastion(info);
  guest = await connect({ sock: await channel(bastion, address, 22), username: 'admin', privateKey: key.private });
});

afterAll(async () => {
  guest?.end();
  bastion?.end();
  await simulator?.close();
});

async function http(port: number, path = '/'): Promise<string> {
  const stream = await channel(bastion, address, port);
  return new Promise((resolve) => {
    let text = '';
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
    });
    stream.on('close', () => resolve(text));
    stream.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  });
}

describe('a guest behind the bastion', () => {
  test('runs commands without waiting for an input nobody reads', async () => {
    expect(await run(guest, 'hostname; whoami; exit 7')).toEqual({ code: 7, stdout: 'web-1\nadmin\n', stderr: '' });
  });

  test('takes files from the input and gives them back', async () => {
    const bytes = 'ünïcode\n\tbinary\u0001';
    await run(
      guest,
      "sudo mkdir -p /srv/a && sudo tee /srv/a/b.next > /dev/null && mv /srv/a/b.next '/srv/a/b c'",
      bytes,
    );
    expect((await run(guest, 'cat "/srv/a/b c"')).stdout).toBe(bytes);
    expect((await run(guest, "sha256sum '/srv/a/b c' | cut -d' ' -f1 | wc -c")).stdout.trim()).toBe('65');
  });

  test('refuses a port nobody serves, and answers once a package does', async () => {
    await expect(channel(bastion, address, 80)).rejects.toThrow(/open/i);
    const ran = await run(
      guest,
      'sudo sh -seu',
      'apt-get install -y nginx\necho "<h1>hi</h1>" > /var/www/html/index.html\nsystemctl enable --now nginx\n',
    );
    expect(ran.code).toBe(0);
    expect(await http(80)).toMatch(/^HTTP\/1\.1 200 OK[\s\S]*<h1>hi<\/h1>/);
    expect((await run(guest, 'systemctl is-active nginx')).stdout).toBe('active\n');
    await run(guest, 'sudo systemctl stop nginx');
    await expect(channel(bastion, address, 80)).rejects.toThrow();
  });

  test('stops a script at the first failure under set -e', async () => {
    const ran = await run(
      guest,
      'sudo sh -c "set -e; echo one > /tmp/one; false; echo two > /tmp/two"; echo $?; test -e /tmp/two || echo no two',
    );
    expect(ran.stdout).toBe('1\nno two\n');
  });

  test('keeps a transient unit going after the one who started it is gone', async () => {
    const script =
      'mkdir -p /var/lib/truffle/run/x; echo start > /var/lib/truffle/run/x/intent; sh -c "exit 3"; echo $? > /var/lib/truffle/run/x/exit';
    await run(guest, `sudo systemd-run --unit=truffle-x --collect sh -c '${script}'`);
    const exit = await until(
      () => run(guest, 'cat /var/lib/truffle/run/x/exit'),
      (ran) => ran.code === 0,
    );
    expect(exit.stdout).toBe('3\n');
    expect((await run(guest, 'systemctl is-active truffle-x')).code).toBe(3);
  });

  test('has a unit by its file, and its port by its command', async () => {
    await run(
      guest,
      'sudo tee /etc/systemd/system/app.service',
      '[Service]\nEnvironment=PORT=8080\nExecStart=/usr/bin/node /opt/app/server.js\n',
    );
    expect((await run(guest, 'sudo systemctl start app && curl -s http://127.0.0.1:8080/')).stdout).toContain(
      'simulated app on web-1',
    );
    await run(
      guest,
      'sudo tee /etc/systemd/system/bound.service',
      '[Service]\nExecStart=/usr/bin/gunicorn --workers 2 --bind 127.0.0.1:8000 app:application\n',
    );
    expect((await run(guest, 'sudo systemctl start bound && curl -s http://127.0.0.1:8000/')).stdout).toContain(
      'simulated bound on web-1',
    );
    expect((await run(guest, 'sudo systemctl start nothing')).code).toBe(5);
  });

  test('has a prompt for people', async () => {
    const text = await new Promise<string>((resolve, reject) => {
      guest.shell((error, stream) => {
        if (error) return reject(error);
        let seen = '';
        stream.on('data', (chunk: Buffer) => {
          seen += chunk.toString('utf8');
        });
        stream.on('close', () => resolve(seen));
        stream.write('hostname\rexit\r');
      });
    });
    expect(text).toBe('admin@web-1:~$ hostname\r\nexit\r\nweb-1\r\nadmin@web-1:~$ ');
  });

  test('shows an unknown command and goes on', async () => {
    expect(await run(guest, 'frobnicate --now')).toEqual({
      code: 0,
      stdout: 'simulated: frobnicate --now\n',
      stderr: '',
    });
  });

  test('cannot reach the host: only the files of the guest exist', async () => {
    expect((await run(guest, 'cat /etc/passwd')).code).toBe(1);
    expect((await run(guest, 'ls /')).stdout).not.toContain('work');
  });

  test('refuses a stranger', async () => {
    const other = makeSshKey();
    await expect(
      connect({ sock: await channel(bastion, address, 22), username: 'admin', privateKey: other.private }),
    ).rejects.toThrow();
    const { host, port, user } = simulator.info.bastion;
    await expect(connect({ host, port, username: user, privateKey: other.private })).rejects.toThrow();
  });
});
