import * as grpc from '@grpc/grpc-js';
import { create, fromBinary } from '@bufbuild/protobuf';
import { InventorySchema } from '@truffle/api/agent/v1/agent';
import {
  CommandOutputSchema,
  CommandPayloadSchema,
  Effect,
  Outcome,
  type CommandPayload,
} from '@truffle/api/agent/v1/command';
import { InFlightState, KeptOutcome } from '@truffle/api/agent/v1/link';
import { describe, expect, test } from 'vitest';
import type { CommandHandler } from '../command/effect.ts';
import { startAgent } from '../testing/agent.ts';
import { testCommand } from '../testing/entry.ts';
import { testFolder } from '../testing/folder.ts';
import { framesOf, startGateway, welcome, type TestGateway, type Visit } from '../testing/gateway.ts';
import { newAuthority } from '../testing/pki.ts';

const pingOp: CommandPayload['op'] = create(CommandPayloadSchema, { op: { case: 'ping', value: { nonce: 'n1' } } }).op;
const ready = (gateway: TestGateway, nth = 1): Promise<Visit> =>
  gateway.until(() => gateway.visits.filter((visit) => framesOf(visit, 'ready').length > 0)[nth - 1]);

describe('over real gRPC with mutual TLS', () => {
  test('greets, answers a ping, and forgets it when acknowledged', async () => {
    const authority = await newAuthority();
    const gateway = await startGateway(authority);
    const agent = await startAgent({ folder: testFolder(), authority, endpoints: [gateway.endpoint] });
    const visit = await ready(gateway);
    const [hello] = framesOf(visit, 'hello');
    expect(hello).toMatchObject({
      protocolMin: 1,
      protocolMax: 1,
      bootNo: 1n,
      version: '1.2.3',
      capabilities: ['ping'],
      maxInFlight: 16,
    });
    expect(framesOf(visit, 'ready')[0]?.epoch).toBe(1n);
    visit.send({ case: 'command', value: testCommand({ id: 'cmd_1', op: pingOp, needsPermit: false }) });
    const result = await gateway.until(() => framesOf(visit, 'result')[0]);
    expect(result).toMatchObject({ commandId: 'cmd_1', outcome: Outcome.SUCCEEDED, effect: Effect.NONE });
    expect(fromBinary(CommandOutputSchema, result.output).output).toMatchObject({
      case: 'pong',
      value: { nonce: 'n1' },
    });
    expect(visit.frames.map((given) => given.case)).toEqual(['hello', 'ready', 'accepted', 'result']);
    expect(agent.journal.size()).toBe(1);
    visit.send({ case: 'resultAck', value: { commandId: 'cmd_1', terminal: true } });
    visit.send({ case: 'command', value: testCommand({ id: 'cmd_2', op: pingOp, needsPermit: false }) });
    await gateway.until(() => framesOf(visit, 'result')[1]);
    expect(agent.journal.entry('cmd_1')).toBeUndefined();
  });

  test('a result that was not acknowledged is sent on each new session, with what the last one gave', async () => {
    const authority = await newAuthority();
    const gateway = await startGateway(authority);
    await startAgent({ folder: testFolder(), authority, endpoints: [gateway.endpoint] });
    const first = await ready(gateway);
    first.send({ case: 'command', value: testCommand({ id: 'cmd_1', op: pingOp, needsPermit: false }) });
    await gateway.until(() => framesOf(first, 'result')[0]);
    first.end(grpc.status.UNAVAILABLE);
    const second = await ready(gateway, 2);
    const [hello] = framesOf(second, 'hello');
    expect([...(hello?.continuity ?? [])]).toEqual([1]);
    expect(hello?.inFlight).toMatchObject([{ commandId: 'cmd_1', state: InFlightState.ENDED }]);
    await gateway.until(() => framesOf(second, 'result')[0]);
  });

  test('a gateway that drains gets its successor first', async () => {
    const authority = await newAuthority();
    const [old, next] = [await startGateway(authority), await startGateway(authority)];
    const agent = await startAgent({ folder: testFolder(), authority, endpoints: [old.endpoint, next.endpoint] });
    const first = await ready(old);
    let wasOver: boolean | undefined;
    next.greet = (visit) => {
      wasOver = first.over;
      visit.send(welcome(2));
    };
    first.send({ case: 'drain', value: { reconnectInMs: 10, deadlineMs: 10_000 } });
    const second = await ready(next);
    expect(wasOver).toBe(false);
    await old.until(() => first.over);
    second.send({ case: 'command', value: testCommand({ id: 'cmd_1', op: pingOp, needsPermit: false }) });
    await next.until(() => framesOf(second, 'result')[0]);
    expect(agent.link.ready).toBe(true);
  });

  test('a gateway that is refused, absent or of another authority is left for the next endpoint', async () => {
    const authority = await newAuthority();
    const stranger = await startGateway(await newAuthority('stranger'));
    const refusing = await startGateway(authority);
    refusing.greet = (visit) =>
      visit.send({ case: 'refusal', value: { reason: 'NOT_READY', message: '', retryAfterMs: 5 } });
    const denying = await startGateway(authority);
    denying.greet = (visit) => visit.end(grpc.status.PERMISSION_DENIED);
    const good = await startGateway(authority);
    const endpoints = [stranger.endpoint, refusing.endpoint, denying.endpoint, good.endpoint];
    await startAgent({ folder: testFolder(), authority, endpoints, random: () => 0.001 });
    await ready(good);
    expect(stranger.visits).toHaveLength(0);
    expect(refusing.visits).toHaveLength(1);
    expect(denying.visits).toHaveLength(1);
  });

  test('heartbeats go as often as Welcome says; a silent gateway is left', async () => {
    const authority = await newAuthority();
    const gateway = await startGateway(authority);
    gateway.greet = (visit, epoch) => visit.send(welcome(epoch, { heartbeatMs: 50 }));
    await startAgent({ folder: testFolder(), authority, endpoints: [gateway.endpoint] });
    const first = await ready(gateway);
    await ready(gateway, 2);
    expect(
      framesOf(first, 'heartbeat')
        .map(({ n }) => n)
        .slice(0, 2),
    ).toEqual([1n, 2n]);
    await gateway.until(() => first.over);
  });

  test('what the site has is told on each session; progress and logs come before the result', async () => {
    const authority = await newAuthority();
    const gateway = await startGateway(authority);
    const talking: CommandHandler = {
      kind: 'deleteServer',
      needsPermit: true,
      run: async (run) => {
        run.redact('hunter2');
        run.progress('clone', 'at 50 %, hunter2');
        for (let i = 1; i <= 3000; i++)
          run.log('stdout', `line ${i} hunter2 ${Buffer.from('hunter2').toString('base64')}`);
        return { outcome: Outcome.SUCCEEDED, effect: Effect.FULL };
      },
    };
    const agent = await startAgent({
      folder: testFolder(),
      authority,
      endpoints: [gateway.endpoint],
      handlers: [talking],
    });
    agent.link.tellInventory(create(InventorySchema, { driver: 'pve', clusterName: 'one' }));
    const visit = await ready(gateway);
    await gateway.until(() => framesOf(visit, 'inventory').find(({ clusterName }) => clusterName === 'one'));
    visit.send({ case: 'command', value: testCommand({ id: 'cmd_1' }) });
    await gateway.until(() => framesOf(visit, 'accepted')[0]);
    visit.send({ case: 'permit', value: { commandId: 'cmd_1', permitNo: 1 } });
    await gateway.until(() => framesOf(visit, 'result')[0]);
    const lines = framesOf(visit, 'logs').flatMap(({ entries }) => entries);
    expect(lines).toHaveLength(3000);
    expect(lines.at(-1)?.text).toBe('line 3000 [redacted] [redacted]');
    expect(new Set(lines.map(({ n }) => n)).size).toBe(3000);
    expect(visit.frames.at(-1)?.case).toBe('result');
  });

  test('what was done without a gateway is told on each session until it is acknowledged', async () => {
    const authority = await newAuthority();
    const gateway = await startGateway(authority);
    const agent = await startAgent({ folder: testFolder(), authority, endpoints: [gateway.endpoint] });
    agent.journal.declared.note({ at: 1, resourceKey: 'vm', serverId: 'srv_1', outcome: 'left', detail: 'locked' });
    (await ready(gateway)).end();
    const second = await ready(gateway, 2);
    const kept = await gateway.until(() => framesOf(second, 'kept')[0]);
    expect(kept).toMatchObject({ serverId: 'srv_1', outcome: KeptOutcome.LEFT, detail: 'locked' });
    second.end();
    const third = await ready(gateway, 3);
    await gateway.until(() => framesOf(third, 'kept')[0]);
    third.send({ case: 'keptAck', value: { n: kept.n } });
    third.send({ case: 'command', value: testCommand({ id: 'cmd_1', op: pingOp, needsPermit: false }) });
    await gateway.until(() => framesOf(third, 'result')[0]);
    expect(agent.journal.declared.notes()).toEqual([]);
  });

  test('a gateway that does not read holds nothing back in memory', async () => {
    const authority = await newAuthority();
    const gateway = await startGateway(authority);
    const shouting: CommandHandler = {
      kind: 'deleteServer',
      needsPermit: true,
      run: async (run) => {
        for (let i = 1; i <= 60_000; i++) run.log('stdout', `line ${i} ${'x'.repeat(200)}`);
        return { outcome: Outcome.SUCCEEDED, effect: Effect.FULL };
      },
    };
    await startAgent({ folder: testFolder(), authority, endpoints: [gateway.endpoint], handlers: [shouting] });
    const visit = await ready(gateway);
    visit.send({ case: 'command', value: testCommand({ id: 'cmd_1' }) });
    await gateway.until(() => framesOf(visit, 'accepted')[0]);
    visit.pause();
    visit.send({ case: 'permit', value: { commandId: 'cmd_1', permitNo: 1 } });
    visit.resume();
    await gateway.until(() => framesOf(visit, 'result')[0]);
    const lines = framesOf(visit, 'logs').flatMap(({ entries }) => entries);
    const gaps = lines.filter(({ text }) => text.startsWith('[gap: '));
    expect(gaps).toHaveLength(1);
    expect(lines.reduce((sum, { text }) => sum + text.length, 0)).toBeLessThan(1.1 * 1024 * 1024);
    expect(lines[0]?.text).toMatch(/^line 1 /);
    expect(lines.at(-1)?.text).toMatch(/^line 60000 /);
  });

  test('a frame above 256 KiB ends its stream and no more: the agent is back, and what it journalled is there', async () => {
    const authority = await newAuthority();
    const gateway = await startGateway(authority);
    const agent = await startAgent({
      folder: testFolder(),
      authority,
      endpoints: [gateway.endpoint],
      random: () => 0.001,
    });
    const visit = await ready(gateway);
    visit.send({ case: 'command', value: testCommand({ id: 'cmd_1', op: pingOp, needsPermit: false }) });
    await gateway.until(() => framesOf(visit, 'result')[0]);
    visit.send({ case: 'command', value: { id: 'cmd_large', payload: new Uint8Array(300 * 1024) } });
    await gateway.until(() => visit.over);
    const second = await ready(gateway, 2);
    expect(framesOf(second, 'hello')[0]?.inFlight).toMatchObject([{ commandId: 'cmd_1' }]);
    expect(agent.journal.entry('cmd_large')).toBeUndefined();
  });

  test('a frame that does not parse or is not known does not end the session', async () => {
    const authority = await newAuthority();
    const gateway = await startGateway(authority);
    await startAgent({ folder: testFolder(), authority, endpoints: [gateway.endpoint] });
    const visit = await ready(gateway);
    visit.send({ case: undefined });
    visit.send({ case: 'permit', value: { commandId: 'cmd_unknown', permitNo: 1 } });
    visit.send({ case: 'cancel', value: { commandId: 'cmd_unknown' } });
    visit.send({ case: 'resultAck', value: { commandId: 'cmd_unknown', terminal: true } });
    visit.send({
      case: 'command',
      value: { id: 'cmd_bad', payload: new Uint8Array([255]), payloadSha256: new Uint8Array(32) },
    });
    const rejected = await gateway.until(() => framesOf(visit, 'rejected')[0]);
    expect(rejected).toMatchObject({ commandId: 'cmd_bad', failure: { reason: 'PAYLOAD_MISMATCH' } });
    expect(gateway.visits).toHaveLength(1);
  });
});
