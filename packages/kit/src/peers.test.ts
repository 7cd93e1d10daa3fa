import { generateKeyPairSync } from 'node:crypto';
import { Code, ConnectError, createRouterTransport, type Transport } from '@connectrpc/connect';
import { AgentService } from '@truffle/api/agent/v1/agent_service';
import { CommandService } from '@truffle/api/agent/v1/command_service';
import { ErrorInfoSchema } from '@truffle/api/google/rpc/error_details';
import { newId } from '@truffle/ids';
import { beforeEach, describe, expect, it } from 'vitest';
import { Peers } from './peers.ts';
import { ServiceKeys } from './service-context.ts';

const { privateKey, publicKey } = generateKeyPairSync('ed25519', {
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
});
const about = { onBehalfOf: undefined, displayName: '', orgId: newId('org'), requestId: 'req_12345678' };
const commandIds = [newId('cmd')];

let calls: number;
/** What the service does at its nth call. */
let answer: (call: number) => void;

const gateway = createRouterTransport((router) => {
  router.service(CommandService, {
    getCommands: () => {
      answer(++calls);
      return {};
    },
  });
  router.service(AgentService, {
    pingAgent: () => {
      answer(++calls);
      return {};
    },
  });
});
const keys = new ServiceKeys('orchestration', privateKey, { orchestration: publicKey });
const peers = new Peers(keys, () => gateway);
const commands = peers.client('agent-gateway', CommandService, about);
const agents = peers.client('agent-gateway', AgentService, about);

const lost = (): never => {
  throw new ConnectError('connection refused', Code.Unavailable);
};

beforeEach(() => {
  calls = 0;
});

describe('a call to another service', () => {
  it('is made again when no replica answered', async () => {
    answer = (call) => void (call < 3 && lost());
    await expect(commands.getCommands({ commandIds })).resolves.toBeDefined();
    expect(calls).toBe(3);
  });

  it('is made again when the connection was closed under it', async () => {
    answer = (call) => {
      if (call < 2) throw new ConnectError('http/2 stream closed with error code CANCEL (0x8)', Code.Canceled);
    };
    await expect(commands.getCommands({ commandIds })).resolves.toBeDefined();
    expect(calls).toBe(2);
  });

  it('is made again when a leaving replica refused it', async () => {
    answer = () => undefined;
    let tries = 0;
    const refusing: Transport = {
      ...gateway,
      unary: (...given) => {
        const cause = Object.assign(new Error('NGHTTP2_REFUSED_STREAM'), { code: 'ERR_HTTP2_STREAM_ERROR' });
        if (++tries < 2) throw new ConnectError('refused', Code.Internal, undefined, undefined, cause);
        return gateway.unary(...given);
      },
    };
    const far = new Peers(keys, () => refusing).client('agent-gateway', CommandService, about);
    await expect(far.getCommands({ commandIds })).resolves.toBeDefined();
    expect([tries, calls]).toEqual([2, 1]);
  });

  it('is not made again when the service itself broke', async () => {
    answer = () => {
      throw new ConnectError('internal error', Code.Internal);
    };
    await expect(commands.getCommands({ commandIds })).rejects.toMatchObject({ code: Code.Internal });
    expect(calls).toBe(1);
  });

  it('fails when none answers, and names the service', async () => {
    answer = lost;
    await expect(commands.getCommands({ commandIds })).rejects.toMatchObject({
      code: Code.Unavailable,
      rawMessage: 'the service agent-gateway does not answer; try again',
    });
    expect(calls).toBe(4);
  });

  it('is not made again beyond its deadline', async () => {
    answer = lost;
    await expect(commands.getCommands({ commandIds }, { timeoutMs: 1 })).rejects.toThrow();
    expect(calls).toBeLessThanOrEqual(1);
  });

  it('is not made again when each call counts', async () => {
    answer = lost;
    await expect(agents.pingAgent({ agentId: newId('agt') })).rejects.toMatchObject({ code: Code.Unavailable });
    expect(calls).toBe(1);
  });

  it('is not made again when the service itself said so', async () => {
    answer = () => {
      const info = { desc: ErrorInfoSchema, value: { reason: 'AGENT_OFFLINE' } };
      throw new ConnectError('the agent is offline', Code.Unavailable, undefined, [info]);
    };
    await expect(commands.getCommands({ commandIds })).rejects.toThrow(/offline/);
    expect(calls).toBe(1);
  });
});
