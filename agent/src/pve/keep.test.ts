import { expect, it } from 'vitest';
import type { EnsureServer } from '@truffle/api/agent/v1/command';
import { commandId, ensureServer, openFixture } from '../site/site.fixture.ts';
import { holdTag } from './keep.ts';

it('starts a VM of ours that stopped, and no other', async () => {
  await using fixture = await openFixture();
  const payload = ensureServer('kept', 20050);
  const server = payload.op.value as EnsureServer;
  await fixture.run(commandId(), payload);
  const { keep } = fixture.site;
  const vm = fixture.simulator.cluster.vms.get(20050);
  if (keep === undefined || vm === undefined) throw new Error('the site keeps nothing');
  const signal = AbortSignal.timeout(20_000);
  const look = () => keep.look(server, signal);
  expect(await look()).toEqual({ state: 'running' });

  vm.running = undefined;
  expect(await look()).toEqual({ state: 'stopped' });
  await keep.start(server, signal);
  expect(await look()).toEqual({ state: 'running' });

  vm.running = undefined;
  const { tags = '' } = vm.config;
  vm.config['tags'] = `${tags};${holdTag}`;
  expect(await look()).toMatchObject({ state: 'hands off', why: expect.stringContaining(holdTag) });
  vm.config['tags'] = tags;
  vm.config['lock'] = 'backup';
  expect(await look()).toMatchObject({ state: 'hands off', why: expect.stringContaining('locked: backup') });
  delete vm.config['lock'];
  vm.config['description'] = '';
  vm.config['smbios1'] = 'uuid=00000000-0000-0000-0000-000000000000';
  expect(await look()).toMatchObject({ state: 'hands off', why: expect.stringContaining('not this server') });
  fixture.simulator.cluster.vms.delete(20050);
  expect(await look()).toMatchObject({ state: 'hands off', why: 'VM 20050 is absent' });
});
