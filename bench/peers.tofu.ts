import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { Peer } from './peers.ansible.ts';
import type { Hypervisor } from './peers.script.ts';

const run = promisify(execFile);

/**
 * OpenTofu with the provider bpg/proxmox: one resource with a count. Both programs are there already; nothing is asked of a registry.
 */
export async function prepareTofu(folder: string, at: Hypervisor, program: string, provider: string): Promise<Peer> {
  const work = join(folder, 'tofu');
  mkdirSync(work, { recursive: true });
  const config = join(folder, 'tofu.rc');
  writeFileSync(
    config,
    `provider_installation {\n  dev_overrides {\n    "bpg/proxmox" = "${resolve(dirname(provider))}"\n  }\n  direct {}\n}\n`,
  );
  const env = {
    PATH: process.env['PATH'],
    HOME: folder,
    TF_CLI_CONFIG_FILE: config,
    TF_IN_AUTOMATION: '1',
    CHECKPOINT_DISABLE: '1',
    SSL_CERT_FILE: at.caFile,
    PROXMOX_VE_ENDPOINT: at.url,
    PROXMOX_VE_API_TOKEN: `${at.tokenId}=${at.tokenSecret}`,
  };
  const { stdout } = await run(program, ['version'], { env, cwd: work });
  let round = 0;
  return {
    version: `OpenTofu ${/v(\S+)/.exec(stdout)?.[1] ?? '(unknown)'}`,
    forget: () => void round++,
    make: async (first, count, atOnce) => {
      const folderOfRound = join(work, String(round));
      mkdirSync(folderOfRound, { recursive: true });
      writeFileSync(join(folderOfRound, 'main.tf'), configurationFor(first, count));
      await run(program, ['apply', '-auto-approve', '-no-color', `-parallelism=${atOnce}`], {
        env,
        cwd: folderOfRound,
        maxBuffer: 64 * 1024 * 1024,
        timeout: 900_000,
      }).catch((error: unknown) => {
        const { stdout: said = '', stderr = '' } = error as { stdout?: string; stderr?: string };
        throw new Error((said + stderr).slice(-3_000), { cause: error });
      });
    },
  };
}

const configurationFor = (first: number, count: number): string => `
terraform {
  required_providers {
    proxmox = { source = "bpg/proxmox" }
  }
}
provider "proxmox" {}
resource "proxmox_virtual_environment_vm" "vm" {
  count     = ${count}
  name      = "tofu-\${count.index}"
  node_name = "pve1"
  vm_id     = ${first} + count.index
  pool_id   = "truffle"
  clone {
    vm_id = 9000
    full  = false
  }
  agent {
    enabled = true
    timeout = "2m"
  }
  cpu { cores = 1 }
  memory { dedicated = 64 }
  initialization {
    ip_config {
      ipv4 { address = "dhcp" }
    }
  }
}
`;
