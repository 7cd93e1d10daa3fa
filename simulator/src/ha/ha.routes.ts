import { type Call, type Routes, need, text } from '../call.ts';
import { RunError } from '../errors.ts';
import { majorVersion } from '../node/node.ts';
import { type HaResource, vmidOfSid } from './ha.ts';

function vmidOf(call: Call): number {
  const vmid = vmidOfSid(need(call, 'sid'));
  if (vmid === undefined) throw new RunError(`unable to parse HA resource id '${need(call, 'sid')}'`);
  return vmid;
}

function resourceOf(call: Call): HaResource {
  const resource = call.cluster.ha.resources.get(vmidOf(call));
  if (resource === undefined) throw new RunError(`no such resource '${need(call, 'sid')}'`);
  return resource;
}

function rowOf(vmid: number, resource: HaResource): Record<string, unknown> {
  return { sid: `vm:${vmid}`, type: 'vm', ...resource };
}

function requireGroup(call: Call): string | undefined {
  const group = text(call, 'group');
  if (group !== undefined && majorVersion(call.cluster) >= 9)
    throw new RunError("invalid parameter 'group': ha groups have been migrated to rules");
  return group;
}

function add(call: Call): null {
  const vmid = vmidOf(call);
  const group = requireGroup(call);
  if (call.cluster.vms.get(vmid) === undefined) throw new RunError(`unable to add non-existing resource 'vm:${vmid}'`);
  if (call.cluster.ha.resources.has(vmid)) throw new RunError(`resource ID 'vm:${vmid}' already defined`);
  const state = (text(call, 'state') ?? 'started') as HaResource['state'];
  call.cluster.ha.resources.set(vmid, { state, ...(group === undefined ? {} : { group }) });
  call.cluster.changed();
  return null;
}

function update(call: Call): null {
  const group = requireGroup(call);
  const state = text(call, 'state') as HaResource['state'] | undefined;
  Object.assign(resourceOf(call), state === undefined ? {} : { state }, group === undefined ? {} : { group });
  call.cluster.changed();
  return null;
}

function remove(call: Call): null {
  resourceOf(call);
  call.cluster.ha.resources.delete(vmidOf(call));
  call.cluster.changed();
  return null;
}

/** Everything under /cluster/ha/resources. */
export const haRoutes: Routes = {
  'GET /cluster/ha/resources': (call) =>
    [...call.cluster.ha.resources].map(([vmid, resource]) => rowOf(vmid, resource)),
  'POST /cluster/ha/resources': add,
  'GET /cluster/ha/resources/{sid}': (call) => rowOf(vmidOf(call), resourceOf(call)),
  'PUT /cluster/ha/resources/{sid}': update,
  'DELETE /cluster/ha/resources/{sid}': remove,
};
