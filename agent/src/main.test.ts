import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { create } from '@bufbuild/protobuf';
import { CommandPayloadSchema } from '@truffle/api/agent/v1/command';
import { generateSealingKey } from '@truffle/sealing';
import { describe, expect, test } from 'vitest';
import { IdentityFolder, identityFiles, pairFiles } from './identity/folder.ts';
import { startChild, type Child } from './testing/child.ts';
import { testCommand } from './testing/entry.ts';
import { testFolder } from './testing/folder.ts';
import { framesOf, gatewayName, startGateway, type TestGateway, type Visit } from './testing/gateway.ts';
import { newAuthority, type Authority } from './testing/pki.ts';

const program = fileURLToPath(new URL('main.ts', import.meta.url));
const agent = (folder: string, ...args: string[]): Child => startChild([program, ...args, '--data-dir', folder]);

/** What enrolment would have written. */
async function enrolled(folder: string, authority: Authority, endpoint: string): Promise<void> {
  const own = await authority.issue('agt_1');
  const sealing = await generateSealingKey();
  const identity = new IdentityFolder(folder);
  identity.write(pairFiles(0).key, own.key);
  identity.write(identityFiles.sealingKey, Buffer.concat([sealing.privateKey, sealing.publicKey]).toString('hex'));
  identity.write(pairFiles(0).certificate, own.certificate);
  identity.write(pairFiles(0).authorities, authority.certificate);
  const file = { agentId: 'agt_1', orgId: 'org_1', endpoints: [endpoint], serverName: gatewayName };
  identity.write(identityFiles.agent, JSON.stringify(file));
}

const ready = (gateway: TestGateway, nth: number): Promise<Visit> =>
  gateway.until(() => gateway.visits.filter((visit) => framesOf(visit, 'ready').length > 0)[nth - 1]);
const pingOp = create(CommandPayloadSchema, { op: { case: 'ping', value: { nonce: 'n' } } }).op;

describe('the program', () => {
  test('runs, is killed, resends what was not acknowledged, and leaves on SIGTERM', async () => {
    const authority = await newAuthority();
    const gateway = await startGateway(authority);
    const folder = testFolder();
    await enrolled(folder, authority, gateway.endpoint);
    const first = agent(folder, 'run');
    const visit = await ready(gateway, 1);
    visit.send({ case: 'command', value: testCommand({ id: 'cmd_1', op: pingOp, needsPermit: false }) });
    const result = await gateway.until(() => framesOf(visit, 'result')[0]);
    first.process.kill('SIGKILL');
    await first.ended;
    const second = agent(folder, 'run');
    const again = await ready(gateway, 2);
    expect(framesOf(again, 'hello')[0]).toMatchObject({
      bootNo: 2n,
      incarnation: framesOf(visit, 'hello')[0]?.incarnation,
    });
    expect(await gateway.until(() => framesOf(again, 'result')[0])).toEqual(result);
    again.send({ case: 'resultAck', value: { commandId: 'cmd_1', terminal: true } });
    const status = agent(folder, 'status', '--json');
    await status.ended;
    expect(JSON.parse(status.stdout())).toMatchObject({ enrolled: true, agentId: 'agt_1', bootNo: 2 });
    second.process.kill('SIGTERM');
    expect(await second.ended).toBe(0);
    await gateway.until(() => again.over);
    expect(second.stderr()).toContain('agent stopped');
  });

  test('refuses a data folder that another process works with: exit code 75', async () => {
    const authority = await newAuthority();
    const gateway = await startGateway(authority);
    const folder = testFolder();
    await enrolled(folder, authority, gateway.endpoint);
    agent(folder, 'run');
    await ready(gateway, 1);
    expect(await agent(folder, 'run').ended).toBe(75);
    expect(await agent(folder, 'reset', '--yes').ended).toBe(75);
  });

  test('sets a damaged journal aside, begins nothing until a reset, and says what to do: exit code 76', async () => {
    const folder = testFolder();
    await enrolled(folder, await newAuthority(), '127.0.0.1:1');
    writeFileSync(join(folder, 'journal.db'), 'this is no journal'.repeat(1000));
    for (let starts = 0; starts < 2; starts++) {
      const child = agent(folder, 'run');
      expect(await child.ended).toBe(76);
      expect(child.stderr()).toMatch(/set aside in journal-damaged-[-0-9TZ.]+; .*reset --yes/);
    }
    expect(await agent(folder, 'reset', '--yes').ended).toBe(0);
    expect(readdirSync(folder).filter((name) => name.startsWith('journal'))).toHaveLength(1);
  });

  test('says what is wrong with its command line: exit code 2', async () => {
    const folder = testFolder();
    const cases = [['bogus'], ['run', '--bogus'], ['enroll'], ['enroll', '--server', 'http://127.0.0.1:1'], ['reset']];
    for (const args of cases) expect(await agent(folder, ...args).ended).toBe(2);
    const missing = agent(folder, 'run');
    expect(await missing.ended).toBe(1);
    expect(missing.stderr()).toContain('truffle-agent enroll');
  });

  test('reset makes it a stranger', async () => {
    const folder = testFolder();
    const authority = await newAuthority();
    await enrolled(folder, authority, '127.0.0.1:1');
    expect(await agent(folder, 'reset', '--yes').ended).toBe(0);
    const status = agent(folder, 'status');
    await status.ended;
    expect(status.stdout().trim()).toBe('not enrolled');
  });
});
