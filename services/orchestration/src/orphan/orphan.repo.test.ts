import { newId, smbiosUuidOf, type Id } from '@truffle/ids';
import { testDatabase, type TestDatabase } from '@truffle/testkit';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { markText } from '../../../../agent/src/pve/mark.ts';
import { findOrphans, type Candidate } from '../../../../agent/src/pve/orphan.ts';
import type { Tables } from '../cluster/cluster.table.ts';
import { orchestrationMigrations } from '../migrations.ts';
import { countLeases, leaseVmids, releaseVmids } from '../server/server.lease.repo.ts';
import { insertServers, serversOf, updateServers } from '../server/server.repo.ts';
import { noteOrphans, readClaims } from './orphan.repo.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await testDatabase([orchestrationMigrations]);
});

afterAll(async () => {
  await database?.close();
});

const orgId = newId('org');
const projectId = newId('prj');
const range = { first: 20_000, last: 20_011 };
type Ids = { readonly serverIds: readonly Id<'srv'>[]; readonly clusterId: string };

/** A VM as it stands on the site, and what it is in truth. */
interface Standing {
  readonly options: Candidate['options'];
  readonly truth: { readonly kind: 'server'; readonly id: string } | { readonly kind: 'foreign' };
}

const made = (serverId: Id<'srv'>): Candidate['options'] => ({
  description: markText({ orgId, serverId, commandId: 'cmd_0' }),
  tags: `truffle;${serverId}`,
  smbios1: `uuid=${smbiosUuidOf(serverId)}`,
});

/** One agent's site and its rows, through a history. */
class History {
  readonly agentId = newId('agt');
  readonly db = database.open<Tables>('svc_orchestration');
  readonly clusters: Ids[] = [];
  readonly site = new Map<number, Standing>();
  /** By number, the server that was last deleted from it, as a backup has it. */
  readonly gone = new Map<number, Id<'srv'>>();
  noted: readonly number[] = [];
  found = 0;

  async create(count: number): Promise<void> {
    const { agentId } = this;
    const clusterId = newId('clu');
    const serverIds = Array.from({ length: count }, () => newId('srv'));
    const rows = await this.db.tenant(orgId, async (tx) => {
      const row = { org_id: orgId, id: clusterId, project_id: projectId, agent_id: agentId, name: clusterId };
      const template = { template_version_id: newId('tpv'), template_ref: 't@1', template: '{}', parameters: '{}' };
      await tx
        .insertInto('orchestration.cluster')
        .values({ ...row, ...template, secrets: '[]', generated: '[]', state: 'CREATING', quota_holder: clusterId })
        .execute();
      const size = { image: 'i', cpu: 1, memory_bytes: 1, disk_bytes: 1, networks: '[]' };
      const whose = { org_id: orgId, project_id: projectId, cluster_id: clusterId, agent_id: agentId, node: 'pve1' };
      await insertServers(
        tx,
        serverIds.map((id, index) => ({
          ...whose,
          ...size,
          id,
          name: id,
          role: 'r',
          index,
          state: 'READY',
          vmid: null,
        })),
      );
      await leaseVmids(tx, agentId, range, serverIds);
      return serversOf(tx, clusterId);
    });
    for (const { id, vmid } of rows) {
      if (vmid === null) continue;
      expect(this.noted, 'a number that an orphan stands on is not leased').not.toContain(vmid);
      // What stands there already is never touched: the creation fails, and the server stays wanted.
      if (!this.site.has(vmid)) this.site.set(vmid, { options: made(id as Id<'srv'>), truth: { kind: 'server', id } });
    }
    this.clusters.push({ clusterId, serverIds });
  }

  /** Deletes a cluster's servers; of half a deletion only the first one, and their numbers stay held. */
  async delete(at: number, half: boolean): Promise<void> {
    const index = at % Math.max(1, this.clusters.length);
    const cluster = this.clusters[index];
    if (cluster === undefined) return;
    if (!half) this.clusters.splice(index, 1);
    await this.db.tenant(orgId, async (tx) => {
      const rows = (await serversOf(tx, cluster.clusterId)).slice(0, half ? 1 : undefined);
      for (const { id, vmid } of rows) {
        const standing = this.site.get(vmid ?? 0);
        if (standing?.truth.kind === 'server' && standing.truth.id === id) this.site.delete(vmid ?? 0);
        if (vmid !== null) this.gone.set(vmid, id as Id<'srv'>);
      }
      await updateServers(
        tx,
        rows.map(({ id }) => ({ id, state: 'DELETED' })),
      );
      if (!half) await releaseVmids(tx, cluster.serverIds);
    });
  }

  /** A deleted server's VM is there again, out of a backup; on its own number or, as a person may do it, on another. */
  restore(at: number, elsewhere: boolean): void {
    const [vmid, id] = [...this.gone][at % Math.max(1, this.gone.size)] ?? [];
    if (vmid === undefined || id === undefined) return;
    const to = elsewhere ? range.first + ((vmid - range.first + 5) % 12) : vmid;
    const truth = elsewhere ? ({ kind: 'foreign' } as const) : ({ kind: 'server', id } as const);
    if (!this.site.has(to)) this.site.set(to, { options: made(id), truth });
  }

  /** Somebody else's VM; also one that was cloned by hand from one of ours, with all that a clone keeps: not the UUID. */
  foreign(at: number, cloned: boolean): void {
    const vmid = range.first + (at % 12);
    const [source] = this.clusters.flatMap((each) => each.serverIds);
    const copied = cloned && source !== undefined ? made(source) : undefined;
    const options: Candidate['options'] =
      copied === undefined
        ? { description: 'mine', tags: 'truffle' }
        : { ...copied, smbios1: `uuid=${smbiosUuidOf(newId('srv'))}` };
    if (!this.site.has(vmid)) this.site.set(vmid, { options, truth: { kind: 'foreign' } });
  }

  async collect(remove: boolean): Promise<void> {
    const { claimed, leases, wanted } = await this.db.tenant(orgId, async (tx) => {
      const servers = tx.selectFrom('orchestration.server').select('id').where('agent_id', '=', this.agentId);
      const { wanted: claimed, leases } = await readClaims(tx, this.agentId, 1_000);
      const wanted = (await servers.where('state', '<>', 'DELETED').execute()).map(({ id }) => id);
      return { claimed, leases, wanted };
    });
    // Of what is wanted the site is told no more, however much there is.
    expect(claimed).toEqual([]);
    const candidates = [...this.site].map(([vmid, { options }]) => ({ vmid, node: 'pve1', options }));
    const claims = {
      orgId,
      vmids: range,
      leases: new Map(leases.map(({ vmid, serverId }) => [vmid, serverId])),
      wanted: new Set(claimed),
      reservations: [],
      unwanted: [],
      nowMs: 0,
      graceMs: 0,
    };
    const found = findOrphans(candidates, claims);
    // The leases alone keep what is wanted safe: to be told of it changes nothing.
    expect(findOrphans(candidates, { ...claims, wanted: new Set(wanted) })).toEqual(found);
    for (const { vmid, serverId } of found) {
      expect(this.site.get(vmid)?.truth).toEqual({ kind: 'server', id: serverId });
      expect(wanted).not.toContain(serverId);
    }
    const spent = new Set(leases.map((each) => each.serverId));
    const back = [...this.site].filter(([, { truth }]) => truth.kind === 'server' && spent.has(truth.id));
    expect(found.map((each) => each.vmid)).toEqual(back.map(([vmid]) => vmid).toSorted((a, b) => a - b));
    this.found += found.length;
    if (remove) for (const { vmid } of found) this.site.delete(vmid);
    this.noted = remove ? [] : found.map((each) => each.vmid);
    await this.db.tenant(orgId, (tx) => noteOrphans(tx, this.agentId, leases, this.noted));
  }
}

const step = fc.oneof(
  fc.nat(2).map((n) => (h: History) => h.create(n + 1)),
  fc.tuple(fc.nat(9), fc.boolean()).map(
    ([at, half]) =>
      (h: History) =>
        h.delete(at, half),
  ),
  fc.tuple(fc.nat(9), fc.boolean()).map(
    ([at, elsewhere]) =>
      (h: History) =>
        h.restore(at, elsewhere),
  ),
  fc.tuple(fc.nat(11), fc.boolean()).map(
    ([at, cloned]) =>
      (h: History) =>
        h.foreign(at, cloned),
  ),
  fc.boolean().map((remove) => (h: History) => h.collect(remove)),
);

describe('an orphan', () => {
  it('is never what is wanted and never what is foreign, whatever was made, deleted and restored', async () => {
    let found = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
        const history = new History();
        for (const each of steps) await each(history);
        await history.collect(false);
        found += history.found;
      }),
      { numRuns: 60 },
    );
    expect(found, 'the histories had orphans').toBeGreaterThan(0);
  }, 60_000);

  it('holds its number until it is gone', async () => {
    const history = new History();
    await history.create(12);
    const count = async () => (await history.db.tenant(orgId, (tx) => countLeases(tx, history.agentId, range))).taken;
    expect(await count()).toBe(12);
    await history.delete(0, false);
    expect(await count()).toBe(0);
    history.restore(3, false);
    await history.collect(false);
    expect(await count()).toBe(1);
    await history.create(12);
    expect(await count()).toBe(12);
    await history.delete(0, false);
    await history.collect(true);
    expect(await count()).toBe(0);
  });
});
