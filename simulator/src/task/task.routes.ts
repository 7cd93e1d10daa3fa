import { type Call, type Routes, flag, need, number, owner, text } from '../call.ts';
import { requirePrivileges } from '../access/permission.ts';
import { ParameterError } from '../errors.ts';
import { listOf } from '../schema/format.ts';
import type { Task } from './task.ts';
import { parseUpid } from './upid.ts';

function find(call: Call): Task {
  const upid = need(call, 'upid');
  const parts = parseUpid(upid);
  if (parts === undefined) throw new ParameterError({ upid: 'unable to parse worker upid' });
  const fault = call.cluster.faults.take('task-unknown', { type: parts.type, vmid: Number(parts.id) });
  const task = call.cluster.tasks.byUpid.get(upid);
  if (task === undefined || fault !== undefined) throw new ParameterError({ upid: 'no such task' });
  if (!owns(call.user, task)) requirePrivileges(call.cluster.access, call.user, `/nodes/${call.node}`, ['Sys.Audit']);
  return task;
}

/** A task belongs to the account that started it; a token sees its own and those of its name. */
function owns(user: string, task: Task): boolean {
  return task.parts.user === user || (!user.includes('!') && owner(task.parts.user) === user);
}

function identity(task: Task): Record<string, unknown> {
  const { node, type, id, user, pid, pstart, starttime } = task.parts;
  const [account = '', tokenid] = user.split('!');
  return {
    upid: task.upid,
    node,
    type,
    id,
    pid,
    pstart,
    starttime,
    user: account,
    ...(tokenid === undefined ? {} : { tokenid }),
  };
}

function status(call: Call): unknown {
  const task = find(call);
  if (task.exitstatus === undefined) return { ...identity(task), status: 'running' };
  return { ...identity(task), status: 'stopped', exitstatus: task.exitstatus };
}

function log(call: Call): unknown {
  const task = find(call);
  const start = number(call, 'start') ?? 0;
  const limit = number(call, 'limit') ?? 50;
  call.total = task.log.length;
  const lines = task.log.slice(start, limit === 0 ? undefined : start + limit);
  if (lines.length === 0) return [{ n: start + 1, t: 'no content' }];
  return lines.map((t, at) => ({ n: start + at + 1, t }));
}

function stop(call: Call): null {
  const upid = need(call, 'upid');
  if (parseUpid(upid) === undefined) throw new ParameterError({ upid: 'unable to parse worker upid' });
  const task = call.cluster.tasks.byUpid.get(upid);
  if (task === undefined) throw new ParameterError({ upid: 'no such task' });
  if (!owns(call.user, task)) requirePrivileges(call.cluster.access, call.user, `/nodes/${call.node}`, ['Sys.Modify']);
  call.cluster.tasks.stop(upid);
  return null;
}

function finished(task: Task): Record<string, unknown> {
  return { ...identity(task), endtime: task.endtime, status: task.exitstatus };
}

/** Newest first; only one's own without Sys.Audit. */
function list(call: Call): unknown {
  const { cluster, node, user } = call;
  const audit = cluster.access.has(user, `/nodes/${node}`, ['Sys.Audit']);
  const source = text(call, 'source') ?? 'archive';
  const wanted = (task: Task): boolean => {
    const done = task.exitstatus !== undefined;
    if (source === 'archive' && !done) return false;
    if (source === 'active' && done) return false;
    const vmid = number(call, 'vmid');
    if (vmid !== undefined && task.parts.id !== String(vmid)) return false;
    if (text(call, 'typefilter') !== undefined && task.parts.type !== text(call, 'typefilter')) return false;
    const filter = text(call, 'userfilter');
    if (filter !== undefined && !task.parts.user.toLowerCase().includes(filter.toLowerCase())) return false;
    if (
      task.parts.starttime < (number(call, 'since') ?? 0) ||
      task.parts.starttime > (number(call, 'until') ?? Infinity)
    )
      return false;
    const kinds = listOf(text(call, 'statusfilter') ?? '');
    if (kinds.length > 0 && !kinds.includes(kind(task))) return false;
    return !flag(call, 'errors') || (done && kind(task) === 'error');
  };
  const all = [...cluster.tasks.byUpid.values()]
    .toReversed()
    .filter((task) => task.parts.node === node && (audit || owns(user, task)) && wanted(task));
  const start = number(call, 'start') ?? 0;
  if (all.length > 0) call.total = all.length;
  return all
    .slice(start, start + (number(call, 'limit') ?? 50))
    .map((task) => (task.exitstatus === undefined ? { ...identity(task), status: 'RUNNING' } : finished(task)));
}

function kind(task: Task): string {
  if (task.exitstatus === undefined) return 'unknown';
  if (task.exitstatus === 'OK') return 'ok';
  return task.exitstatus.startsWith('WARNINGS') ? 'warning' : 'error';
}

/** GET /cluster/tasks: the latest 25 of every node. */
function clusterTasks(call: Call): unknown {
  const audit = call.cluster.access.has(call.user, '/', ['Sys.Audit']);
  return [...call.cluster.tasks.byUpid.values()]
    .toReversed()
    .filter((task) => audit || owns(call.user, task))
    .slice(0, 25)
    .map((task) => {
      const { pid, pstart: _pstart, ...rest } = identity(task);
      return task.exitstatus === undefined
        ? { ...rest, pid }
        : { ...rest, endtime: task.endtime, status: task.exitstatus, saved: '1' };
    });
}

export const taskRoutes: Routes = {
  'GET /cluster/tasks': clusterTasks,
  'GET /nodes/{node}/tasks': list,
  'GET /nodes/{node}/tasks/{upid}': () => [{ name: 'log' }, { name: 'status' }],
  'GET /nodes/{node}/tasks/{upid}/status': status,
  'GET /nodes/{node}/tasks/{upid}/log': log,
  'DELETE /nodes/{node}/tasks/{upid}': stop,
};
