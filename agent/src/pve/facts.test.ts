import { createServer, type Server } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PveApi } from './api.ts';
import { PveClient } from './client.ts';
import { decodePve } from './failure.ts';
import { Facts } from './facts.ts';

let silent: Server;
let url = '';

/** Takes connections and says nothing. */
beforeAll(async () => {
  silent = createServer((socket) => socket.on('error', () => undefined));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const address = silent.address();
  url = `https://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
});

afterAll(() => silent.close());

it('says that the hypervisor does not answer when its own time is up, to everybody who waits for it', async () => {
  const client = new PveClient({ urls: [url], nodes: {}, tokenId: 'a@pve!b', tokenSecret: 'c', ca: '' });
  const facts = new Facts(new PveApi(client), 200);
  const [one, two] = await Promise.allSettled([facts.resources(), facts.template(9000)]);
  for (const end of [one, two])
    expect(end.status === 'rejected' && decodePve(end.reason)).toMatchObject({ code: 'PVE_UNREACHABLE' });
  client.close();
});
