import { type Call, type Routes, need, text } from '../call.ts';
import { RunError } from '../errors.ts';
import { leases } from './sdn.ts';

const RIGHTS = ['SDN.Audit', 'SDN.Allocate'];

/** Only the built-in one is there. */
function ipams(call: Call): unknown {
  const type = text(call, 'type');
  const visible = call.cluster.access.has(call.user, '/sdn/ipams/pve', RIGHTS, true);
  return visible && (type === undefined || type === 'pve') ? [{ ipam: 'pve', type: 'pve' }] : [];
}

function status(call: Call): unknown {
  if (need(call, 'ipam') !== 'pve') throw new RunError(`no ipam '${need(call, 'ipam')}' defined`);
  return leases(call.cluster).filter(({ zone, vnet }) =>
    call.cluster.access.has(call.user, `/sdn/zones/${zone}/${vnet}`, RIGHTS, true),
  );
}

/** What is read of addresses under /cluster/sdn. */
export const sdnRoutes: Routes = {
  'GET /cluster/sdn/ipams': ipams,
  'GET /cluster/sdn/ipams/{ipam}/status': status,
};
