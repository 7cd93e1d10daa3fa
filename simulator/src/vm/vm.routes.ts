import type { Call, Routes } from '../call.ts';
import { vmid } from '../call.ts';
import { agentRoutes } from './agent.routes.ts';
import { clone } from './clone.ts';
import { dumpCloudinit, regenerateCloudinit } from './cloudinit.ts';
import { cloudinitPending, feature, pending, readConfig } from './config.ts';
import { consoleRoutes } from './console.routes.ts';
import { create, destroy } from './create.ts';
import { migrate, preconditions } from './migrate.ts';
import { reboot, reset, resume, shutdown, start, stop, suspend } from './power.ts';
import { makeTemplate, moveDisk, resize } from './resize.ts';
import {
  deleteSnapshot,
  listSnapshots,
  readSnapshotConfig,
  rollback,
  takeSnapshot,
  updateSnapshot,
} from './snapshot.ts';
import { current, list, rrddata } from './status.ts';
import { updateInTask, updateNow } from './update.ts';
import { unlink } from './unlink.ts';

const VM_INDEX = [
  'config',
  'cloudinit',
  'pending',
  'status',
  'unlink',
  'vncproxy',
  'termproxy',
  'migrate',
  'resize',
  'move',
  'rrd',
  'rrddata',
  'monitor',
  'agent',
  'snapshot',
  'spiceproxy',
  'sendkey',
  'firewall',
  'mtunnel',
  'remote_migrate',
];
const STATUS_INDEX = ['current', 'start', 'stop', 'reset', 'shutdown', 'suspend', 'reboot'];

const subdirs = (names: readonly string[]) => (call: Call) => {
  call.cluster.vm(vmid(call), call.node);
  return names.map((subdir) => ({ subdir }));
};

const VM = '/nodes/{node}/qemu/{vmid}';

/** Everything under /nodes/{node}/qemu. */
export const vmRoutes: Routes = {
  'GET /nodes/{node}/qemu': list,
  'POST /nodes/{node}/qemu': create,
  [`GET ${VM}`]: subdirs(VM_INDEX),
  [`DELETE ${VM}`]: destroy,
  [`GET ${VM}/config`]: readConfig,
  [`POST ${VM}/config`]: updateInTask,
  [`PUT ${VM}/config`]: updateNow,
  [`GET ${VM}/pending`]: pending,
  [`GET ${VM}/cloudinit`]: cloudinitPending,
  [`PUT ${VM}/cloudinit`]: regenerateCloudinit,
  [`GET ${VM}/cloudinit/dump`]: dumpCloudinit,
  [`PUT ${VM}/resize`]: resize,
  [`PUT ${VM}/unlink`]: unlink,
  [`POST ${VM}/clone`]: clone,
  [`POST ${VM}/template`]: makeTemplate,
  [`POST ${VM}/move_disk`]: moveDisk,
  [`GET ${VM}/migrate`]: preconditions,
  [`POST ${VM}/migrate`]: migrate,
  [`GET ${VM}/feature`]: feature,
  [`GET ${VM}/rrddata`]: rrddata,
  [`GET ${VM}/status`]: subdirs(STATUS_INDEX),
  [`GET ${VM}/status/current`]: current,
  [`POST ${VM}/status/start`]: start,
  [`POST ${VM}/status/stop`]: stop,
  [`POST ${VM}/status/shutdown`]: shutdown,
  [`POST ${VM}/status/reboot`]: reboot,
  [`POST ${VM}/status/reset`]: reset,
  [`POST ${VM}/status/suspend`]: suspend,
  [`POST ${VM}/status/resume`]: resume,
  [`GET ${VM}/snapshot`]: listSnapshots,
  [`POST ${VM}/snapshot`]: takeSnapshot,
  [`GET ${VM}/snapshot/{snapname}`]: () => [{ cmd: 'rollback' }, { cmd: 'config' }],
  [`DELETE ${VM}/snapshot/{snapname}`]: deleteSnapshot,
  [`GET ${VM}/snapshot/{snapname}/config`]: readSnapshotConfig,
  [`PUT ${VM}/snapshot/{snapname}/config`]: updateSnapshot,
  [`POST ${VM}/snapshot/{snapname}/rollback`]: rollback,
  ...agentRoutes,
  ...consoleRoutes,
};
