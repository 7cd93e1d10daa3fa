import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  type CommandPayload,
  CommandPayloadSchema,
  type DeleteServerSchema,
  type EnsureServerSchema,
  type RunDeploymentSchema,
} from '@truffle/api/agent/v1/command';
import { deriveId, newId, smbiosUuidOf } from '@truffle/ids';
import { parseTemplateHere, type Template } from '@truffle/template-language';
import { type Simulator, type SimulatorOptions, startSimulator } from '@truffle/simulator';
import { type AgentFixture, openAgent, orgId } from './agent.fixture.ts';

export { agentId, Crash, orgId, type Ran } from './agent.fixture.ts';
export const clusterId = deriveId('clu', 'test');

/** A simulated site and an agent on it. */
export interface Fixture extends AgentFixture {
  readonly simulator: Simulator;
}

/** @param yaml lines that are added to the site's config @param mayDial default: every server may be reached */
export async function openFixture(
  options: SimulatorOptions = {},
  yaml = '',
  mayDial: (address: string) => void = () => undefined,
): Promise<Fixture> {
  const simulator = await startSimulator({ cloneMs: 0, bootMs: 0, agentWaitMs: 20, authDelayMs: 0, ...options });
  const agent = await openAgent((dataFolder, configFile) => {
    writeFileSync(join(dataFolder, 'token'), `${simulator.info.tokenSecret}\n`);
    writeFileSync(configFile, `${configOf(simulator)}${withDefaults(yaml)}`);
  }, mayDial);
  return Object.defineProperties(
    { simulator },
    {
      ...Object.getOwnPropertyDescriptors(agent),
      [Symbol.asyncDispose]: {
        value: async () => {
          await agent[Symbol.asyncDispose]();
          await simulator.close();
        },
      },
    },
  ) as Fixture;
}

/** A server's command, with what the test changes. */
export function ensureServer(
  name: string,
  vmid: number,
  change: MessageInitShape<typeof EnsureServerSchema> = {},
): CommandPayload {
  const serverId = deriveId('srv', name);
  const gib = 2n ** 30n;
  const value = {
    serverId,
    clusterId,
    orgId,
    name,
    vmid,
    node: 'pve1',
    image: 'debian-12',
    cpu: 1,
    memoryBytes: gib,
    diskBytes: 8n * gib,
    networks: ['lan'],
    smbiosUuid: smbiosUuidOf(serverId),
    ...change,
  };
  return create(CommandPayloadSchema, { op: { case: 'ensureServer', value } });
}

export function deleteServer(
  name: string,
  vmid: number,
  change: MessageInitShape<typeof DeleteServerSchema> = {},
): CommandPayload {
  const serverId = deriveId('srv', name);
  const value = { serverId, clusterId, orgId, vmid, smbiosUuid: smbiosUuidOf(serverId), ...change };
  return create(CommandPayloadSchema, { op: { case: 'deleteServer', value } });
}

export function runDeployment(name: string, value: MessageInitShape<typeof RunDeploymentSchema>): CommandPayload {
  const all = { serverId: deriveId('srv', name), clusterId, orgId, ...value };
  return create(CommandPayloadSchema, { op: { case: 'runDeployment', value: all } });
}

/** A server as expressions of a template see it. */
export interface PlacedServer {
  readonly name: string;
  readonly role: string;
  readonly index: number;
  readonly address: string;
}

/** What a deployment is made of beside its template. */
export interface DeploymentFacts {
  readonly deployment: string;
  readonly server: PlacedServer;
  /** All of the cluster; the one alone unless told. */
  readonly servers?: readonly PlacedServer[];
  readonly params?: object;
  readonly revision?: number;
  readonly generated?: readonly { readonly name: string; readonly length: number }[];
}

/** A deployment of a template on a server, as orchestration sends it. */
export function deploymentOf(template: Template, facts: DeploymentFacts): CommandPayload {
  const { deployment, server, servers = [server], params = {}, revision = 1, generated = [] } = facts;
  const json = (value: unknown): Uint8Array<ArrayBuffer> => new TextEncoder().encode(JSON.stringify(value));
  return runDeployment(server.name, {
    address: server.address,
    deployment,
    revision,
    templateJson: json(template),
    paramsJson: json(params),
    contextJson: json({ cluster: { id: clusterId, name: 'c', org: 'o', project: 'p' }, server, servers }),
    generated: generated.map(({ name, length }) => ({ name, length, charset: '' })),
    secretScope: clusterId,
  });
}

/** A template that a test wrote. @throws Error with what is wrong in it */
export function templateOf(source: string | Uint8Array): Template {
  const parsed = parseTemplateHere(source);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.template;
}

/** A command of any kind, as the test spells it. */
export function command(op: NonNullable<MessageInitShape<typeof CommandPayloadSchema>['op']>): CommandPayload {
  return create(CommandPayloadSchema, { op });
}

/** What names a server in every command about one. */
export function serverOf(name: string, vmid: number) {
  const serverId = deriveId('srv', name);
  return { serverId, clusterId, orgId, vmid, smbiosUuid: smbiosUuidOf(serverId) };
}

/** Gives the token more rights, as an operator would. */
export function grant({ cluster }: Simulator, path: string, privileges: readonly string[]): void {
  const roleid = `Test${cluster.access.acl.length}`;
  const { access } = cluster;
  const above = (type: 'user' | 'token', ugid: string) =>
    access.acl
      .filter((entry) => entry.ugid === ugid && path.startsWith(entry.path) && entry.type === type)
      .toSorted((a, b) => b.path.length - a.path.length)[0]?.roleid;
  // A deeper entry replaces what is inherited, so it says all of it.
  access.roles[roleid] = [...new Set([...privileges, ...(access.roles[above('user', 'truffle@pve') ?? ''] ?? [])])];
  access.acl = access.acl.filter((entry) => entry.path !== path);
  for (const [type, ugid] of [
    ['user', 'truffle@pve'],
    ['token', 'truffle@pve!agent'],
  ] as const)
    access.acl.push({ path, type, ugid, roleid, propagate: true });
}

/** How many tasks of a type the site has begun. */
export function tasksOf({ simulator }: Pick<Fixture, 'simulator'>, type: string): number {
  return [...simulator.cluster.tasks.byUpid.values()].filter((task) => task.parts.type === type).length;
}

export const commandId = (): string => newId('cmd');

function withDefaults(yaml: string): string {
  const waits = yaml.includes('waits:') ? '' : 'waits: { lostReplySeconds: 1 }\n';
  const networks = yaml.includes('networks:') ? '' : 'networks: { lan: { bridge: vmbr0 } }\n';
  return `${waits}${networks}${yaml}`;
}

function configOf({ info }: Simulator): string {
  const { bastion } = info;
  return `driver: pve
url: ${info.url}
tokenId: ${info.tokenId}
tokenSecretFile: token
caFile: ${info.caFile}
pool: truffle
vmids: 20000-29999
storage: shared
images: { debian-12: { vmid: 9000 }, ubuntu-24.04: { vmid: 9001 } }
bastion: { host: ${bastion.host}, port: ${bastion.port}, user: ${bastion.user}, keyFile: ${bastion.keyFile}, hostKeySha256: "${bastion.hostKeyFingerprint}" }
`;
}
