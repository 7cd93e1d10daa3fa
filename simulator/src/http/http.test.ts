import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Reply, finished, send, tokenHeader, until } from '../client.fixture.ts';
import { type Simulator, startSimulator } from '../simulator.ts';

let simulator: Simulator;

beforeAll(async () => {
  simulator = await startSimulator({ nodes: 2, cloneMs: 0, bootMs: 0, authDelayMs: 0, agentWaitMs: 0 });
});
afterAll(() => simulator?.close());

function call(
  method: string,
  path: string,
  body?: Record<string, string> | string,
  headers: Record<string, string> = tokenHeader(simulator.info),
): Promise<Reply> {
  return send(simulator.info, { method, path: `/api2/json${path}`, headers, ...(body === undefined ? {} : { body }) });
}

describe('the wire', () => {
  test('refuses a stranger with an empty body', async () => {
    const reply = await call('GET', '/version', undefined, {});
    expect([reply.status, reply.reason, reply.text, reply.headers['connection']]).toEqual([
      401,
      'No ticket',
      '',
      'close',
    ]);
    const bad = await call('GET', '/version', undefined, {
      Authorization: 'PVEAPIToken=truffle@pve!agent=00000000-0000-0000-0000-000000000000',
    });
    expect([bad.status, bad.reason]).toEqual([401, 'Authentication failed!']);
  });

  test('answers a refused log-in late', async () => {
    const slow = await startSimulator({ nodes: 1, authDelayMs: 200 });
    const before = Date.now();
    await send(slow.info, { method: 'GET', path: '/api2/json/version' });
    expect(Date.now() - before).toBeGreaterThanOrEqual(195);
    await slow.close();
  });

  test('says what is wrong with each parameter', async () => {
    const reply = await call('POST', '/nodes/pve1/qemu/9000/clone', {
      pool: 'truffle',
      newid: '50',
      name: 'not a name',
      nonsense: '1',
      full: 'yes',
    });
    expect(reply.status).toBe(400);
    expect(reply.json?.errors).toEqual({
      newid: 'invalid format - value does not look like a valid VM ID\n',
      name: 'invalid format - value does not look like a valid DNS name\n',
      nonsense: 'property is not defined in schema and the schema does not allow additional properties',
      full: "type check ('boolean') failed - got 'yes'",
    });
  });

  test('looks into property strings', async () => {
    const reply = await call('PUT', '/nodes/pve1/qemu/9000/config', {
      net0: 'virtio,bridge=vmbr0,colour=red',
      ipconfig0: 'ip=nowhere',
      scsi0: 'shared:1,cache=maybe',
    });
    expect(reply.json?.errors?.['net0']).toBe(
      'invalid format - invalid key in comma-separated list property: colour\n',
    );
    expect(reply.json?.errors?.['ipconfig0']).toContain(
      'ipconfig0.ip: invalid format - value does not look like a valid ipv4 network configuration',
    );
    expect(reply.json?.errors?.['scsi0']).toContain(
      "scsi0.cache: value 'maybe' does not have a value in the enumeration 'none, writethrough, writeback, unsafe, directsync'",
    );
  });

  test('takes JSON, trailing slashes and parameters in the query', async () => {
    const body = JSON.stringify({ poolid: 'truffle', comment: 'json' });
    const reply = await call('PUT', '/pools/?allow-move=0', body, {
      ...(await login()),
      'Content-Type': 'application/json',
    });
    expect(reply.status).toBe(200);
    expect((await call('GET', '/pools/truffle/')).json?.data).toMatchObject({ comment: 'json' });
  });

  test('wraps errors for the GUI in a 200', async () => {
    const reply = await send(simulator.info, {
      method: 'GET',
      path: '/api2/extjs/nodes/pve1/qemu/100/status/current',
      headers: await login(),
    });
    expect(reply.status).toBe(200);
    expect(reply.json).toEqual({
      success: 0,
      status: 500,
      data: null,
      message: "Configuration file 'nodes/pve1/qemu-server/100.conf' does not exist\n",
    });
  });

  test('checks privileges path by path', async () => {
    const denied = await call('GET', '/cluster/status');
    expect([denied.status, denied.reason]).toEqual([403, 'Permission check failed (/, Sys.Audit)']);
    const outside = await call('POST', '/nodes/pve1/qemu/9000/clone', { newid: '300' });
    expect([outside.status, outside.reason]).toEqual([403, 'Permission check failed']);
    expect((await call('GET', '/access/permissions')).json?.data).toMatchObject({
      '/pool/truffle': { 'VM.Allocate': 1 },
    });
  });

  test('keeps a write from a page that holds only the cookie', async () => {
    const { Cookie = '' } = await login();
    const reply = await call('POST', '/pools', { poolid: 'x' }, { Cookie });
    expect([reply.status, reply.reason]).toEqual([401, 'Permission denied - invalid csrf token']);
  });

  test('files an uploaded image', async () => {
    const body = [
      '--B',
      'Content-Disposition: form-data; name="content"',
      '',
      'iso',
      '--B',
      'Content-Disposition: form-data; name="filename"; filename="seed.iso"',
      '',
      'X'.repeat(64),
      '--B--',
      '',
    ].join('\r\n');
    const reply = await call('POST', '/nodes/pve1/storage/shared/upload', body, {
      ...tokenHeader(simulator.info),
      'Content-Type': 'multipart/form-data; boundary=B',
    });
    expect(String(reply.json?.data)).toMatch(/:imgcopy::truffle@pve!agent:$/);
    expect(await finished(simulator.info, reply.json?.data)).toBe('OK');
    const list = (await call('GET', '/nodes/pve2/storage/shared/content?content=iso')).json?.data;
    expect(list).toEqual([
      { volid: 'shared:iso/seed.iso', content: 'iso', format: 'iso', size: 64, ctime: expect.any(Number) },
    ]);
  });

  test('knows what it does not know', async () => {
    expect((await call('GET', '/nope')).reason).toBe("Method 'GET /nope' not implemented");
    expect((await call('GET', '/nodes/pve9/qemu')).reason).toMatch(/^hostname lookup 'pve9' failed/);
    expect((await call('PATCH', '/version')).status).toBe(501);
  });

  test('answers 595 for a node that is down, and comes back', async () => {
    const set = (online: boolean): Promise<Response> =>
      fetch(`${simulator.info.controlUrl}/nodes/pve2`, { method: 'PUT', body: JSON.stringify({ online }) });
    await set(false);
    const reply = await call('GET', '/nodes/pve2/status');
    expect([reply.status, reply.reason, reply.text]).toEqual([595, 'No route to host', '']);
    await set(true);
    await until(
      () => call('GET', '/nodes/pve2/status'),
      (one) => one.status === 200,
    );
  });
});

async function login(): Promise<Record<string, string>> {
  const { user, password } = simulator.info;
  const reply = await send(simulator.info, {
    method: 'POST',
    path: '/api2/json/access/ticket',
    body: { username: user, password },
  });
  const data = reply.json?.data as { ticket: string; CSRFPreventionToken: string };
  return { Cookie: `PVEAuthCookie=${encodeURIComponent(data.ticket)}`, CSRFPreventionToken: data.CSRFPreventionToken };
}
