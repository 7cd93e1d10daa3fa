import { type Call, type Routes, flag, need, text } from '../call.ts';
import { requirePrivileges } from '../access/permission.ts';
import type { Pool } from '../cluster/cluster.ts';
import { RunError } from '../errors.ts';
import { listOf } from '../schema/format.ts';

function pool(call: Call, prefix = ''): Pool {
  const found = call.cluster.pools.get(need(call, 'poolid'));
  if (found === undefined) throw new RunError(`${prefix}pool '${need(call, 'poolid')}' does not exist`);
  return found;
}

function details(call: Call): unknown {
  const { cluster } = call;
  const one = pool(call);
  const type = text(call, 'type');
  const vms = cluster.reports
    .vms(cluster)
    .filter((row) => one.vms.has(Number(row['vmid'])) && (type === undefined || row['type'] === type));
  const storages = [...one.storages]
    .filter(() => type === undefined || type === 'storage')
    .map((storage) => ({ id: `storage/${call.node}/${storage}`, type: 'storage', storage }));
  return {
    poolid: one.poolid,
    ...(one.comment === undefined ? {} : { comment: one.comment }),
    members: [...vms.map(({ pool: _pool, tags: _tags, lock: _lock, ...row }) => row), ...storages],
  };
}

function list(call: Call): unknown {
  const { cluster, user } = call;
  if (text(call, 'poolid') !== undefined) {
    requirePrivileges(cluster.access, user, `/pool/${need(call, 'poolid')}`, ['Pool.Audit']);
    return [details(call)];
  }
  return [...cluster.pools.values()]
    .filter((one) => cluster.access.has(user, `/pool/${one.poolid}`, ['Pool.Audit'], true))
    .map((one) => ({ poolid: one.poolid, ...(one.comment === undefined ? {} : { comment: one.comment }) }));
}

function create(call: Call): null {
  const { cluster } = call;
  const poolid = need(call, 'poolid');
  if (cluster.pools.has(poolid)) throw new RunError(`create pool failed: pool '${poolid}' already exists`);
  const comment = text(call, 'comment');
  cluster.pools.set(poolid, {
    poolid,
    vms: new Set(),
    storages: new Set(),
    ...(comment === undefined ? {} : { comment }),
  });
  cluster.changed();
  return null;
}

function update(call: Call): null {
  const { cluster, user } = call;
  const one = pool(call, 'update pools failed: ');
  const comment = text(call, 'comment');
  if (comment !== undefined) one.comment = comment;
  for (const vmid of listOf(text(call, 'vms') ?? '').map(Number)) {
    requirePrivileges(cluster.access, user, `/vms/${vmid}`, ['VM.Allocate']);
    const current = cluster.access.poolOf(vmid);
    if (flag(call, 'delete')) {
      if (!one.vms.delete(vmid)) throw new RunError(`update pools failed: VM ${vmid} is not a pool member`);
    } else if (current !== undefined && current !== one.poolid && !flag(call, 'allow-move')) {
      throw new RunError(
        `update pools failed: VM ${vmid} belongs already to pool '${current}' and is not allowed to move`,
      );
    } else {
      if (!cluster.guestExists(vmid)) throw new RunError(`update pools failed: VM ${vmid} does not exist`);
      for (const other of cluster.pools.values()) other.vms.delete(vmid);
      one.vms.add(vmid);
    }
  }
  for (const storage of listOf(text(call, 'storage') ?? '')) {
    if (flag(call, 'delete')) one.storages.delete(storage);
    else one.storages.add(cluster.storages.get(storage).storage);
  }
  cluster.changed();
  return null;
}

function remove(call: Call): null {
  const one = pool(call, 'delete pool failed: ');
  const [vmid] = one.vms;
  if (vmid !== undefined)
    throw new RunError(`delete pool failed: pool '${one.poolid}' is not empty (contains VM ${vmid})`);
  const [storage] = one.storages;
  if (storage !== undefined)
    throw new RunError(`delete pool failed: pool '${one.poolid}' is not empty (contains storage '${storage}')`);
  call.cluster.pools.delete(one.poolid);
  call.cluster.changed();
  return null;
}

export const poolRoutes: Routes = {
  'GET /pools': list,
  'POST /pools': create,
  'PUT /pools': update,
  'DELETE /pools': remove,
  'GET /pools/{poolid}': details,
  'PUT /pools/{poolid}': update,
  'DELETE /pools/{poolid}': remove,
};
