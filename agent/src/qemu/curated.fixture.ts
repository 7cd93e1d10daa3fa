import { readdirSync, readFileSync } from 'node:fs';
import type { CommandPayload, ServerObserved } from '@truffle/api/agent/v1/command';
import {
  compareVersions,
  expandServers,
  resolveParameters,
  rolloutPlan,
  type Template,
} from '@truffle/template-language';
import { onGuest } from '@truffle/testkit/guests';
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
  readonly #vmids = new Map<string, number>();
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
    for (const { name } of expanded.servers)
      if (!this.#vmids.has(name)) this.#vmids.set(name, firstVmid + this.#vmids.size);
    this.#servers = await Promise.all(
      expanded.servers.map(async ({ name, role, index, image, cpu, memoryBytes, diskBytes }) => {
        const size = { cpu, memoryBytes: BigInt(memoryBytes), diskBytes: BigInt(diskBytes) };
        const made = await this.#run(name, ensureServer(name, this.#vmid(name), { image, ...size }));
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
  on(server: string, script: string): Promise<string> {
    return onGuest(this.#fixture.machines, server, script);
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
    await Promise.all(this.#servers.map(({ name }) => this.#run(name, deleteServer(name, this.#vmid(name)))));
  }

  async #run(about: string, payload: CommandPayload) {
    const signal = AbortSignal.timeout(deployMs);
    const { end, failure } = await this.#fixture.run(commandId(), payload, { signal });
    if (failure === undefined) return end.output;
    const { reason, message, logTail } = failure;
    throw new Error(`${about}, ${payload.op.case ?? ''}: ${reason} ${message}\n${logTail.join('\n')}`);
  }

  #vmid(server: string): number {
    return this.#vmids.get(server) ?? 0;
  }
}
