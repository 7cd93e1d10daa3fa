import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';

/** A hypervisor's API and the token for it. */
export interface Hypervisor {
  readonly url: string;
  readonly tokenId: string;
  readonly tokenSecret: string;
  readonly caFile: string;
}

/** What a person writes in an afternoon: the API's calls for each VM in a row, many VMs at once, `clones` of them cloning. No retry, no record, no clean-up. */
export class Script {
  readonly #at: Hypervisor;
  readonly #agent: Agent;

  constructor(at: Hypervisor) {
    this.#at = at;
    this.#agent = new Agent({ keepAlive: true, ca: readFileSync(at.caFile), maxSockets: 64 });
  }

  /** Resolves with each VM's address. @throws when a call or a task fails */
  async make(first: number, count: number, clones: number): Promise<readonly string[]> {
    const nodes = ((await this.#call('GET', '/nodes')) as { node: string; status: string }[])
      .filter((node) => node.status === 'online')
      .map((node) => node.node);
    const waiting: (() => void)[] = [];
    let cloning = 0;
    const slot = async (): Promise<void> => {
      if (cloning >= clones) await new Promise<void>((done) => waiting.push(done));
      else cloning++;
    };
    const free = (): void => {
      const next = waiting.shift();
      if (next === undefined) cloning--;
      else next();
    };
    return Promise.all(
      Array.from({ length: count }, async (_, i) => {
        const [vmid, node] = [first + i, nodes[i % nodes.length] ?? ''];
        await slot();
        const clone = { newid: vmid, name: `script-${i}`, target: node, pool: 'truffle', full: 0 };
        await this.#task('/nodes/pve1/qemu/9000/clone', clone).finally(free);
        const vm = `/nodes/${node}/qemu/${vmid}`;
        await this.#call('PUT', `${vm}/config`, { cores: 1, memory: 64, agent: 1, ipconfig0: 'ip=dhcp' });
        await this.#task(`${vm}/status/start`, {});
        return this.#address(vm);
      }),
    );
  }

  /** Removes VMs that were made, wherever they are. */
  async remove(first: number, count: number): Promise<void> {
    const all = (await this.#call('GET', '/cluster/resources?type=vm')) as { vmid: number; node: string }[];
    const ours = all.filter((vm) => vm.vmid >= first && vm.vmid < first + count);
    await Promise.all(
      ours.map(async ({ vmid, node }) => {
        await this.#task(`/nodes/${node}/qemu/${vmid}/status/stop`, {});
        await this.#task(`/nodes/${node}/qemu/${vmid}?purge=1`, {}, 'DELETE');
      }),
    );
  }

  close(): void {
    this.#agent.destroy();
  }

  async #task(path: string, parameters: Readonly<Record<string, unknown>>, method = 'POST'): Promise<void> {
    const upid = (await this.#call(method, path, parameters)) as string;
    const node = upid.split(':')[1] ?? '';
    for (;;) {
      const task = (await this.#call('GET', `/nodes/${node}/tasks/${encodeURIComponent(upid)}/status`)) as {
        status: string;
        exitstatus?: string;
      };
      if (task.status !== 'running') {
        if (task.exitstatus !== 'OK') throw new Error(`${path}: ${task.exitstatus}`);
        return;
      }
      await delay(100);
    }
  }

  async #address(vm: string): Promise<string> {
    for (;;) {
      const heard = (await this.#call('GET', `${vm}/agent/network-get-interfaces`).catch(() => undefined)) as
        | { result: { name: string; 'ip-addresses'?: { 'ip-address': string; 'ip-address-type': string }[] }[] }
        | undefined;
      const found = heard?.result
        .filter((card) => card.name !== 'lo')
        .flatMap((card) => card['ip-addresses'] ?? [])
        .find((address) => address['ip-address-type'] === 'ipv4');
      if (found !== undefined) return found['ip-address'];
      await delay(100);
    }
  }

  #call(method: string, path: string, parameters: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    const { url, tokenId, tokenSecret } = this.#at;
    const body = new URLSearchParams(Object.entries(parameters).map(([k, v]) => [k, String(v)])).toString();
    const headers = {
      authorization: `PVEAPIToken=${tokenId}=${tokenSecret}`,
      ...(body === '' ? {} : { 'content-type': 'application/x-www-form-urlencoded', 'content-length': body.length }),
    };
    return new Promise((resolve, reject) => {
      const sent = request(`${url}/api2/json${path}`, { method, headers, agent: this.#agent }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () =>
          response.statusCode === 200
            ? resolve((JSON.parse(text) as { data: unknown }).data)
            : reject(new Error(`${method} ${path}: ${response.statusCode} ${response.statusMessage} ${text}`)),
        );
      });
      sent.on('error', reject);
      sent.end(body);
    });
  }
}
