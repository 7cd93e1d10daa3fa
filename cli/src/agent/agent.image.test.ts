import { ImportState } from '@truffle/api/orchestration/v1/image_service';
import { expect, test } from 'vitest';
import { Peer } from '../testing/peer.ts';
import { Desk } from '../testing/program.ts';

test('agent import-image sends what is wanted once, and ends with 1 and the remedy when it waited in vain', async () => {
  const peer = await Peer.start();
  const desk = new Desk({ TRUFFLE_ENDPOINT: peer.url, TRUFFLE_TOKEN: peer.token });
  expect((await desk.run('agent', 'import-image', 'site', 'debian-13')).code).toBe(2);
  const args = ['agent', 'import-image', 'site', 'debian-13', '--url', 'https://x.org/d.qcow2', '--sha256', 'AB'];
  const begun = await desk.run(...args);
  expect([begun.code, begun.err]).toEqual([0, 'see how it goes: truffle agent image site debian-13\n']);
  const [[method, request, key] = []] = peer.asked;
  expect([method, request]).toMatchObject(['ImportImage', { image: 'debian-13', sha256: 'ab', node: '' }]);
  expect(key).toMatch(/^[0-9a-f-]{36}$/);
  expect((await desk.run(...args, '--wait', '--output', 'name')).out).toBe('debian-13\n');
  peer.imported = {
    state: ImportState.FAILED,
    failure: { reason: 'PVE_CHECKSUM', message: 'the checksum differs', remedy: 'correct it' },
  };
  const failed = await desk.run(...args, '--wait');
  expect([failed.code, failed.err.includes('error: the checksum differs\nnext: correct it')]).toEqual([1, true]);
  await peer.close();
  desk.remove();
});
