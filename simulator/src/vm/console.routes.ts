import { type Call, type Routes, flag, owner, vmid } from '../call.ts';

const FIRST_PORT = 5900;

/** A ticket for a console that nobody serves: enough for clients that only ask for one. */
function proxy(call: Call, type: 'vncproxy' | 'vncshell'): Record<string, unknown> {
  const { cluster, node, user } = call;
  const vm = cluster.vm(vmid(call), node);
  const password = flag(call, 'generate-password') || type === 'vncproxy' ? cluster.random.password(8) : undefined;
  const ticket = cluster.tickets.issue('PVEVNC', owner(user), cluster.seconds(), `/vms/${vm.vmid}`);
  const upid = cluster.tasks.fork(node, type, vm.vmid, user, () => cluster.clock.sleep(10_000));
  return {
    user,
    upid,
    port: String(FIRST_PORT),
    ticket: password === undefined ? ticket : `${password}:${ticket}`,
    ...(password === undefined ? {} : { password }),
    cert: cluster.caPem,
  };
}

export const consoleRoutes: Routes = {
  'POST /nodes/{node}/qemu/{vmid}/vncproxy': (call) => proxy(call, 'vncproxy'),
  'POST /nodes/{node}/qemu/{vmid}/termproxy': (call) => {
    const { cert: _cert, password: _password, ...rest } = proxy(call, 'vncproxy');
    return rest;
  },
};
