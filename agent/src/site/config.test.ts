import { describe, expect, it } from 'vitest';
import { parseSiteConfig } from './config.ts';
import { SiteConfigError } from './reader.ts';

const good = `driver: pve
urls: [https://pve1.example.com, https://pve2.example.com:8443]
tokenId: truffle@pve!agent
tokenSecretFile: token
caFile: /etc/truffle/ca.pem
vmids: 20000-29999
storage: local-lvm
images: { debian-12: { vmids: [9000, 9001] } }
networks: { lan: { bridge: vmbr0, vlan: 7 } }
`;

const refusal = (text: string): { key: string; message: string } => {
  try {
    parseSiteConfig(text, '/etc/truffle');
  } catch (error) {
    if (error instanceof SiteConfigError) return { key: error.key, message: error.message };
    throw error;
  }
  throw new Error('it was accepted');
};

describe('a site config', () => {
  it('is read with its defaults, files relative to it', () => {
    expect(parseSiteConfig(good, '/etc/truffle')).toMatchObject({
      urls: ['https://pve1.example.com:8006', 'https://pve2.example.com:8443'],
      tokenSecretFile: '/etc/truffle/token',
      caFile: '/etc/truffle/ca.pem',
      pool: undefined,
      vmids: { first: 20000, last: 29999 },
      clone: 'linked',
      images: { 'debian-12': [9000, 9001] },
      networks: { lan: { bridge: 'vmbr0', vlan: 7 } },
      sshUser: 'truffle',
      bastion: undefined,
    });
  });

  it('may name the address of each node', () => {
    const config = parseSiteConfig(
      good.replace(/urls: .*/, 'urls: { pve1: "https://10.0.0.1:8006", pve2: "https://10.0.0.2:443" }'),
      '/',
    );
    const nodes = { pve1: 'https://10.0.0.1:8006', pve2: 'https://10.0.0.2' };
    expect(config).toMatchObject({ nodes, urls: Object.values(nodes) });
  });

  it.each([
    ['', good.replace('driver: pve', '- a')],
    ['driver', good.replace('driver: pve', 'driver: vmware')],
    ['urls', good.replace('https://pve1', 'http://pve1')],
    ['tokenId', good.replace('truffle@pve!agent', 'root@pam')],
    ['caFile', good.replace(/caFile.*\n/, '')],
    ['vmids', good.replace('20000-29999', '29999-20000')],
    ['vmids', good.replace('20000-29999', '20000')],
    ['images.debian-12.vmids.each', good.replace('[9000, 9001]', '["9000"]')],
    ['networks.lan.bridge', good.replace('bridge: vmbr0, ', '')],
    ['networks.lan.vlan', good.replace('vlan: 7', 'vlan: 5000')],
    ['networks.lan.mtu', good.replace('vlan: 7', 'mtu: 9000')],
    ['insecure', `${good}insecure: true\n`],
    ['bastion.hostKeySha256', `${good}bastion: { host: b, user: u, keyFile: k, hostKeySha256: abc }\n`],
    ['sshUser', `${good}sshUser: "a b"\n`],
  ])('is refused at %s', (key, text) => {
    const found = refusal(text);
    expect(found.key).toBe(key);
    expect(found.message).toContain(key);
  });

  it('that is no YAML is refused', () => {
    expect(refusal('a: [').message).toContain('YAML');
  });
});

const machine = `driver: qemu
folder: vm
vmids: 30000-30009
images: { debian-12: { path: images/debian } }
networks: { lan: { first: 10.80.0.10, prefix: 24 } }
`;

describe('the config of a site of QEMU', () => {
  it('is read with its defaults, files relative to it', () => {
    expect(parseSiteConfig(machine, '/etc/truffle')).toEqual({
      driver: 'qemu',
      folder: '/etc/truffle/vm',
      vmids: { first: 30000, last: 30009 },
      images: { 'debian-12': '/etc/truffle/images/debian' },
      networks: { lan: { first: '10.80.0.10', prefix: 24 } },
      clone: 'linked',
      accel: 'auto',
      internet: false,
      sshUser: 'truffle',
      waits: { sshMs: 180_000, loginMs: 90_000, shutdownMs: 30_000 },
    });
    expect(parseSiteConfig(`${machine}internet: on\n`, '/')).toMatchObject({ internet: true });
  });

  it.each([
    ['folder', machine.replace('folder: vm\n', '')],
    ['images.debian-12.path', machine.replace('{ path: images/debian }', '{}')],
    ['networks.lan', machine.replace('10.80.0.10', '10.80.0.250')],
    ['networks.lan', machine.replace('10.80.0.10', '10.80.0.0')],
    ['networks.lan.bridge', machine.replace('prefix: 24', 'prefix: 24, bridge: vmbr0')],
    ['accel', `${machine}accel: hvf\n`],
    ['url', `${machine}url: https://pve1.example.com\n`],
  ])('is refused at %s', (key, text) => {
    expect(refusal(text).key).toBe(key);
  });
});
