import { readFileSync } from 'node:fs';
import { startSimulator } from '@truffle/simulator';
import { describe, expect, it } from 'vitest';
import { CommandStopped } from '../command/effect.ts';
import { PveClient } from './client.ts';
import { PveError } from './error.ts';
import { faultOf } from './fault.ts';
import { waitForTask } from './task.ts';
import { parseUpid } from './upid.ts';

const signal = (): AbortSignal => AbortSignal.timeout(20_000);

async function open() {
  const simulator = await startSimulator({ cloneMs: 0, bootMs: 0, authDelayMs: 0 });
  const { url, tokenId, tokenSecret, caFile } = simulator.info;
  const connection = { urls: [url], nodes: {}, tokenId, tokenSecret, ca: readFileSync(caFile, 'utf8') };
  const client = new PveClient(connection);
  const close = async (): Promise<void> => {
    client.close();
    await simulator.close();
  };
  return { simulator, client, connection, [Symbol.asyncDispose]: close };
}

const refusal = async (call: Promise<unknown>): Promise<PveError> => {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof PveError) return error;
  throw new Error('it was not refused', { cause: error });
};

describe('the client', () => {
  it('trusts the pinned CA and nothing else', async () => {
    await using site = await open();
    await using other = await open();
    const client = new PveClient({ ...site.connection, ca: other.connection.ca });
    const error = await refusal(client.get('/version', {}, { signal: signal() }));
    expect(faultOf(error)?.code).toBe('PVE_TLS');
    client.close();
  });

  it('reads reason, message and errors, and names no secret', async () => {
    await using site = await open();
    const missing = await refusal(site.client.get('/nodes/pve1/qemu/4711/config', {}, { signal: signal() }));
    expect(missing).toMatchObject({ status: 403, reach: 'refused', operation: 'GET /nodes/pve1/qemu/4711/config' });
    const wrong = await refusal(site.client.get('/cluster/nextid', { vmid: 9000 }, { signal: signal() }));
    expect(wrong.errors['vmid']).toContain('already exists');
    expect(JSON.stringify([missing, missing.message, missing.stack])).not.toContain(site.connection.tokenSecret);
  });

  it('repeats reads when a node does not answer, and writes only when they surely never arrived', async () => {
    await using site = await open();
    const { faults } = site.simulator;
    faults.add({ path: '/version', times: 2, action: { kind: 'error', status: 596, reason: 'Broken pipe' } });
    expect(await site.client.get('/version', {}, { signal: signal() })).toHaveProperty('version');
    const path = '/nodes/pve1/qemu/9000/clone';
    faults.add({ method: 'POST', path, action: { kind: 'error', status: 596, reason: 'Broken pipe' } });
    const lost = await refusal(site.client.post(path, { newid: 20001, pool: 'truffle' }, { signal: signal() }));
    expect(lost.reach).toBe('uncertain');
    faults.add({ method: 'POST', path, action: { kind: 'error', status: 595, reason: 'No route to host' } });
    const upid = await site.client.post(path, { newid: 20001, pool: 'truffle' }, { signal: signal() });
    expect(await waitForTask(site.client, String(upid), signal())).toMatchObject({ warnings: 0 });
  });

  it('gives up a call at its deadline, and at once when it is told to stop', async () => {
    await using site = await open();
    site.simulator.faults.add({ path: '/version', times: null, action: { kind: 'latency', ms: 10_000 } });
    const late = await refusal(site.client.get('/version', {}, { signal: signal(), deadlineMs: 100, tries: 1 }));
    expect(late).toMatchObject({ status: 0, reach: 'uncertain', reason: 'no answer in time' });
    const stop = new AbortController();
    const call = site.client.get('/version', {}, { signal: stop.signal });
    stop.abort(new Error('enough'));
    await expect(call).rejects.toThrow('enough');
  });

  it('counts warnings as success and decodes a failure with the end of the log', async () => {
    await using site = await open();
    site.simulator.faults.add({
      task: 'qmclone',
      action: { kind: 'task-fails', text: 'clone failed: No space left on device' },
    });
    const upid = await site.client.post(
      '/nodes/pve1/qemu/9000/clone',
      { newid: 20001, pool: 'truffle' },
      { signal: signal() },
    );
    const error = await waitForTask(site.client, String(upid), signal()).catch((thrown: unknown) => thrown);
    expect(faultOf(error)?.code).toBe('PVE_STORAGE_FULL');
    expect(error).toHaveProperty('logTail', expect.arrayContaining([expect.stringContaining('TASK ERROR')]));
  });

  it('passes a cancel on to the task, also in the middle of a look at it', async () => {
    await using site = await open();
    const { faults, cluster } = site.simulator;
    faults.add({ task: 'qmclone', action: { kind: 'task-delay', ms: 2_000 } });
    const answer = await site.client.post(
      '/nodes/pve1/qemu/9000/clone',
      { newid: 20001, pool: 'truffle' },
      { signal: signal() },
    );
    const upid = String(answer);
    faults.add({ path: '/nodes/[^/]+/tasks/[^/]+/status', action: { kind: 'latency', ms: 10_000 } });
    const stop = new AbortController();
    const waiting = waitForTask(site.client, upid, stop.signal);
    stop.abort(new CommandStopped('cancelled'));
    await expect(waiting).rejects.toThrow(CommandStopped);
    await expect.poll(() => cluster.tasks.byUpid.get(upid)?.exitstatus, { timeout: 10_000 }).toMatch(/interrupt/);
  });
});

describe('a UPID', () => {
  it('may have nine digits of pstart, a token and no id', () => {
    const long = 'UPID:pve1:0000004D:1007CF89A:6B04AA84:qmclone:9000:truffle@pve!agent:';
    expect(parseUpid(long)).toEqual({
      node: 'pve1',
      startTime: 0x6b04aa84,
      type: 'qmclone',
      id: '9000',
      user: 'truffle@pve!agent',
    });
    expect(parseUpid('UPID:pve1:0000004D:0007CF89:6B04AA84:imgcopy::tf@pve:')?.id).toBe('');
    expect(parseUpid('UPID:pve1')).toBeUndefined();
    expect(parseUpid(null)).toBeUndefined();
  });
});
