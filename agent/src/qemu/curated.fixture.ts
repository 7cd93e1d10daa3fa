import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CommandPayload, ServerObserved } from '@truffle/api/agent/v1/command';
import { listMachines, placesOf, readRecord, withGuestAgent } from '@truffle/qemu';
import {
  compareVersions,
  expandServers,
  resolveParameters,
  rolloutPlan,
  type Template,
} from '@truffle/template-language';
import type { QemuFixture } from '../site/qemu.fixture.ts';
import {
  clusterId,
  commandId,
  deleteServer,
  deploymentOf,
  ensureServer,
  type PlacedServer,
  templateOf,
} from '../site/site.fixture.ts';

const templates = new URL('../../../templates/', import.meta.url);
/** A template that installs under translation, beside another that boots. */
const deployMs = 15 * 60_000;
const firstVmid = 20_001;

type Parameters = Readonly<Record<string, string | number>>;

/** A template as it ships, and the version before. */
export interface Curated {
  readonly current: Template;
  readonly previous: Template;
}

/** Reads a template that ships, and the newest of its past. */
export function readCurated(name: string): Curated {
  const read = (path: string): Template => templateOf(readFileSync(new URL(`${name}/${path}`, templates)));
  const past = readdirSync(new URL(`${name}/past/`, templates)).map((file) => read(`past/${file}`));
  const previous = past.toSorted((a, b) => compareVersions(b.metadata.version, a.metadata.version))[0];
  if (previous === undefined) throw new Error(`${name} has no past`);
  return { current: read('template.yaml'), previous };
}

/** A cluster on real guests, by the commands that orchestration sends: servers first, then deployments in the order of their rollout. */
export class RealCluster {
  readonly #fixture: QemuFixture;
  readonly #name: string;
  #servers: readonly PlacedServer[] = [];
  #revision = 0;

  constructor(fixture: QemuFixture, name: string) {
    this.#fixture = fixture;
    this.#name = name;
  }

  /** Has the cluster be what the template says with these parameters. @throws Error with the failure of the command that failed */
  async be(template: Template, parameters: Parameters): Promise<void> {
    const resolved = resolveParameters(template, parameters);
    if (!resolved.ok) throw new Error(JSON.stringify(resolved.problems));
    const expanded = expandServers(template, resolved.params, this.#name);
    if (!expanded.ok) throw new Error(JSON.stringify(expanded.problems));
    const known = this.#servers.map(({ name }) => name);
    const order = [...known, ...expanded.servers.map(({ name }) => name).filter((name) => !known.includes(name))];
    this.#servers = await Promise.all(
      expanded.servers.map(async ({ name, role, index, image, cpu, memoryBytes, diskBytes }) => {
        const size = { cpu, memoryBytes: BigInt(memoryBytes), diskBytes: BigInt(diskBytes) };
        const made = await this.#run(name, ensureServer(name, firstVmid + order.indexOf(name), { image, ...size }));
        return { name, role, index, address: (made?.output.value as ServerObserved | undefined)?.address ?? '' };
      }),
    );
    this.#revision += 1;
    for (const { name, batches } of rolloutPlan(template, this.#servers))
      for (const batch of batches)
        await Promise.all(
          this.#servers
            .filter((server) => batch.includes(server.name))
            .map((server) => {
              const { params, generate: generated } = resolved;
              const facts = { deployment: name, server, servers: this.#servers, params, generated };
              return this.#run(server.name, deploymentOf(template, { ...facts, revision: this.#revision }));
            }),
        );
  }

  /** Runs a script as root on a server. @returns what it printed @throws Error when it ends with another status than 0 */
  async on(server: string, script: string): Promise<string> {
    const ran = await withGuestAgent(placesOf(this.#folderOf(server)).agent, (agent) =>
      agent.run('/bin/sh', ['-c', script], AbortSignal.timeout(60_000)),
    );
    if (ran.code !== 0) throw new Error(`${script} on ${server}: ${ran.code} ${ran.stdout}${ran.stderr}`);
    return ran.stdout;
  }

  addressOf(server: string): string {
    return this.#servers.find(({ name }) => name === server)?.address ?? '';
  }

  /** Value of a secret parameter that the agent made. */
  secret(name: string): string {
    return this.#fixture.journal.generatedSecret(clusterId, name, () => {
      throw new Error(`no secret ${name} was made`);
    });
  }

  async destroy(): Promise<void> {
    await Promise.all(this.#servers.map(({ name }) => this.#run(name, deleteServer(name, Number(this.#vmidOf(name))))));
  }

  async #run(about: string, payload: CommandPayload) {
    const signal = AbortSignal.timeout(deployMs);
    const { end, failure } = await this.#fixture.run(commandId(), payload, { signal });
    if (failure === undefined) return end.output;
    const { reason, message, logTail } = failure;
    throw new Error(`${about}, ${payload.op.case ?? ''}: ${reason} ${message}\n${logTail.join('\n')}`);
  }

  #vmidOf(server: string): string {
    const { machines } = this.#fixture;
    const found = listMachines(machines).find((vmid) => readRecord(join(machines, vmid))?.spec.name === server);
    if (found === undefined) throw new Error(`there is no machine for ${server}`);
    return found;
  }

  #folderOf(server: string): string {
    return join(this.#fixture.machines, this.#vmidOf(server));
  }
}
