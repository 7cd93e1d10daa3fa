import type { CommandRun } from '../command/effect.ts';
import { attempt } from './attempt.ts';
import { PveError } from './error.ts';
import { type Row, rowOf, textOf } from './json.ts';
import type { PveSite } from './site.ts';

/** Has high availability look after the VM, in the group of the site config. Deleting the VM with `purge` takes it out again. @throws PveError */
export async function ensureManaged(site: PveSite, run: CommandRun, vmid: number): Promise<void> {
  const group = site.ha?.group;
  await attempt(run, {
    done: async () => {
      const row = await resourceOf(site, run, vmid);
      return row !== undefined && textOf(row, 'state') !== 'ignored' && (group === undefined || row['group'] === group);
    },
    act: async () => {
      run.progress('ha', `putting VM ${vmid} under high availability`);
      const known = await resourceOf(site, run, vmid);
      const change = { state: 'started', group };
      if (known === undefined)
        await site.api.client.post('/cluster/ha/resources', { sid: `vm:${vmid}`, ...change }, { signal: run.signal });
      else await site.api.client.put(`/cluster/ha/resources/vm:${vmid}`, change, { signal: run.signal });
    },
  });
}

/** Undefined when it is not managed: the hypervisor says so with a plain error. */
async function resourceOf(site: PveSite, run: CommandRun, vmid: number): Promise<Row | undefined> {
  try {
    return rowOf(await site.api.client.get(`/cluster/ha/resources/vm:${vmid}`, {}, { signal: run.signal }));
  } catch (error) {
    if (error instanceof PveError && error.status === 500) return undefined;
    throw error;
  }
}
