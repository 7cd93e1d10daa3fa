import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Simulator, startSimulator } from './simulator.ts';

/** What an orchestrator in Python would do, from the template to nothing left. */
const SCRIPT = `
import os, time
from urllib.parse import quote
from proxmoxer import ProxmoxAPI
from proxmoxer.core import ResourceException

user, _, token = os.environ["PVE_TOKEN_ID"].partition("!")
pve = ProxmoxAPI(os.environ["PVE_HOST"], port=int(os.environ["PVE_PORT"]), user=user, token_name=token,
                 token_value=os.environ["PVE_TOKEN_SECRET"], verify_ssl=os.environ["PVE_CA"])
node = pve.nodes("pve1")

def wait(upid):
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        status = node.tasks(upid).status.get()
        if status["status"] == "stopped":
            assert status["exitstatus"] == "OK", (status, node.tasks(upid).log.get())
            return status
        time.sleep(0.02)
    raise SystemExit("task never ended: " + upid)

assert pve.version.get()["release"] == "9.2"
vmid = int(pve.cluster.nextid.get())
wait(node.qemu(9000).clone.post(newid=vmid, name="from-python", full=1, pool="truffle"))
vm = node.qemu(vmid)
vm.config.put(cores=4, memory=1024, ciuser="admin", ipconfig0="ip=10.20.30.40/24,gw=10.20.30.1", tags="python;a",
              sshkeys=quote("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGtBRoUa2kC0Ulz0sEs0R0YxN1wJ0dZJNmQkpMFrMA4m demo", safe=""))
config = vm.config.get()
assert config["cores"] == 4 and config["memory"] == "1024" and config["tags"] == "a;python", config
wait(vm.resize.put(disk="scsi0", size="10G"))
wait(vm.status.start.post())
deadline = time.monotonic() + 20
while True:
    try:
        cards = vm.agent("network-get-interfaces").get()["result"]
        break
    except ResourceException as error:
        assert error.status_code == 500 and "guest agent is not running" in str(error), error
        if time.monotonic() > deadline: raise
addresses = [one["ip-address"] for card in cards for one in card["ip-addresses"]]
assert "10.20.30.40" in addresses, addresses
try:
    vm.delete()
    raise SystemExit("a running VM was destroyed")
except ResourceException as error:
    assert error.status_code == 500 and error.content == "VM %d is running - destroy failed" % vmid, error
wait(vm.snapshot.post(snapname="before"))
wait(vm.status.shutdown.post(timeout=10))
assert vm.status.current.get()["status"] == "stopped"
wait(vm.delete(purge=1, **{"destroy-unreferenced-disks": 1}))
assert vmid not in [one["vmid"] for one in node.qemu.get()]
volumes = [one["volid"] for one in node.storage("shared").content.get() if one.get("vmid") == vmid]
assert volumes == [], volumes
print("proxmoxer: clone to destroy done")
`;

const folder = mkdtempSync(join(tmpdir(), 'proxmoxer-'));
let simulator: Simulator | undefined;
let missing: string | undefined;

interface Ran {
  code: number;
  text: string;
}

function run(program: string, args: readonly string[], env: Record<string, string> = {}): Promise<Ran> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
    });
    child.stderr.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
    });
    child.on('error', (error) => resolve({ code: -1, text: error.message }));
    child.on('close', (code) => resolve({ code: code ?? -1, text }));
  });
}

beforeAll(async () => {
  const made = await run('python3', ['-m', 'venv', folder]);
  const installed =
    made.code === 0
      ? await run(join(folder, 'bin/pip'), [
          'install',
          '--quiet',
          '--disable-pip-version-check',
          'proxmoxer==2.3.0',
          'requests==2.34.2',
        ])
      : made;
  if (installed.code !== 0) missing = installed.text.trim().split('\n').at(-1);
  else simulator = await startSimulator({ nodes: 2, cloneMs: 100, bootMs: 200, agentWaitMs: 50 });
}, 180_000);

afterAll(async () => {
  await simulator?.close();
  rmSync(folder, { recursive: true, force: true });
});

test('proxmoxer clones, configures, starts, stops and destroys', { timeout: 60_000 }, async ({ skip }) => {
  if (simulator === undefined) return skip(`python3 with venv and pip could not install proxmoxer: ${missing}`);
  const { info } = simulator;
  const { hostname, port } = new URL(info.url);
  const ran = await run(join(folder, 'bin/python'), ['-c', SCRIPT], {
    PVE_HOST: hostname,
    PVE_PORT: port,
    PVE_TOKEN_ID: info.tokenId,
    PVE_TOKEN_SECRET: info.tokenSecret,
    PVE_CA: info.caFile,
  });
  expect(ran.text).toContain('proxmoxer: clone to destroy done');
  expect(ran.code).toBe(0);
});
