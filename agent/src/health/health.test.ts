import { describe, expect, it } from 'vitest';
import { serveHealth } from './health.ts';

describe("the agent's health", () => {
  it('tells apart that it works and that it is connected', async () => {
    let connected = false;
    const server = await serveHealth('127.0.0.1:0', {
      connected: () => connected,
      openCommands: () => 3,
      quarantined: () => !connected,
      version: '1.2.3',
    });
    const get = async (path: string) => {
      const answer = await fetch(`http://127.0.0.1:${server.port}${path}`);
      return { status: answer.status, text: await answer.text() };
    };
    expect(await get('/healthz')).toMatchObject({ status: 200 });
    expect(await get('/readyz')).toMatchObject({ status: 503 });
    connected = true;
    expect(await get('/readyz')).toMatchObject({ status: 200 });
    expect((await get('/metrics')).text).toMatch(/truffle_agent_connected 1\n[^]*truffle_agent_open_commands 3\n/);
    expect(await get('/other')).toMatchObject({ status: 404 });
    server.close();
  });
});
