import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Hypervisor } from './peers.script.ts';

const run = promisify(execFile);

/** Another tool that makes VMs, as its users run it. */
export interface Peer {
  readonly version: string;
  /** Makes VMs of consecutive numbers, so many at once. @throws with what the tool says when it failed */
  make(first: number, count: number, atOnce: number): Promise<void>;
  /** Forgets what was made, which the caller removes. */
  forget(): void;
}

/**
 * Ansible with community.proxmox: one local host for each VM. Installed into a folder unless there is one with it; undefined, with a word on
 * stderr, where Python or the packages are missing.
 */
export async function installAnsible(folder: string, at: Hypervisor, ready?: string): Promise<Peer | undefined> {
  const bin = join(ready ?? join(folder, 'venv'), 'bin');
  try {
    if (ready === undefined) {
      await run('python3', ['-m', 'venv', join(folder, 'venv')]);
      const install = ['install', '--quiet', '--disable-pip-version-check', 'ansible==12.3.0', 'proxmoxer', 'requests'];
      await run(join(bin, 'pip'), install, { timeout: 600_000 });
    }
  } catch (error) {
    console.error(`Ansible is left out: ${error instanceof Error ? error.message.split('\n').at(-2) : String(error)}`);
    return undefined;
  }
  const playbook = join(folder, 'playbook.yaml');
  writeFileSync(playbook, playbookFor(at));
  mkdirSync(join(folder, 'home'), { recursive: true });
  const env = {
    PATH: `${bin}:${process.env['PATH']}`,
    HOME: join(folder, 'home'),
    LC_ALL: 'C.UTF-8',
    REQUESTS_CA_BUNDLE: at.caFile,
    PVE_SECRET: at.tokenSecret,
    ANSIBLE_PYTHON_INTERPRETER: join(bin, 'python'),
  };
  const { stdout } = await run(join(bin, 'ansible-galaxy'), ['collection', 'list', 'community.proxmox'], { env });
  return {
    version: `community.proxmox ${/community\.proxmox\s+(\S+)/.exec(stdout)?.[1] ?? '(unknown)'}`,
    forget: () => undefined,
    make: async (first, count, forks) => {
      const hosts = Array.from({ length: count }, (_, i) => `vm-${i} vmid=${first + i} ansible_connection=local`);
      const inventory = join(folder, 'inventory.ini');
      writeFileSync(inventory, ['[vms]', ...hosts, ''].join('\n'));
      await run(join(bin, 'ansible-playbook'), ['-i', inventory, '--forks', String(forks), playbook], {
        env,
        maxBuffer: 64 * 1024 * 1024,
        timeout: 900_000,
      }).catch((error: unknown) => {
        const said = (error as { stdout?: string }).stdout ?? '';
        throw new Error(said.slice(-3_000), { cause: error });
      });
    },
  };
}

function playbookFor({ url, tokenId }: Hypervisor): string {
  const at = new URL(url);
  const [user = '', name = ''] = tokenId.split('!');
  const api = `
        api_host: ${at.hostname}
        api_port: ${at.port}
        api_user: ${user}
        api_token_id: ${name}
        api_token_secret: "{{ lookup('env', 'PVE_SECRET') }}"
        validate_certs: true`;
  return `
- hosts: vms
  gather_facts: false
  strategy: free
  tasks:
    - name: clone
      community.proxmox.proxmox_kvm:${api}
        node: pve1
        clone: debian-12
        vmid: 9000
        newid: "{{ vmid }}"
        name: "{{ inventory_hostname }}"
        pool: truffle
        full: false
        timeout: 120
    - name: configure
      community.proxmox.proxmox_kvm:${api}
        node: pve1
        vmid: "{{ vmid }}"
        name: "{{ inventory_hostname }}"
        update: true
        cores: 1
        memory: 64
    - name: start
      community.proxmox.proxmox_kvm:${api}
        node: pve1
        vmid: "{{ vmid }}"
        state: started
        timeout: 120
    - name: address
      community.proxmox.proxmox_vm_info:${api}
        node: pve1
        vmid: "{{ vmid }}"
        network: true
      register: seen
      until: seen is succeeded and '10.' in (seen.proxmox_vms[0].network | default([]) | to_json)
      retries: 120
      delay: 1
`;
}
