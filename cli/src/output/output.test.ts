import { create } from '@bufbuild/protobuf';
import { ClusterSchema, ClusterState } from '@truffle/api/orchestration/v1/cluster';
import { expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { clusterView } from '../cluster/cluster.view.ts';
import { wantsColor } from './colors.ts';
import type { Format } from './format.ts';
import { Output } from './output.ts';
import { printable } from './printable.ts';
import { bytes, span } from './text.ts';

const shop = create(ClusterSchema, {
  id: 'clu_1',
  name: 'shop',
  state: ClusterState.READY,
  revision: 7n,
  serverCount: 3,
  readyCount: 3,
});
const printed = async (format: Format, write: (out: Output) => Promise<void>): Promise<string> => {
  let text = '';
  await write(
    new Output(
      format,
      (part) => (text += part),
      () => 0,
    ),
  );
  return text;
};

test('a list in every format', async () => {
  const list = (out: Output): Promise<void> => out.list(clusterView, [shop]);
  expect(await printed('table', list)).toMatchInlineSnapshot(`
    "NAME   STATE   SERVERS   TEMPLATE   AGE   ID
    shop   ready   3/3                  -     clu_1
    "
  `);
  expect(JSON.parse(await printed('json', list))).toMatchObject([
    { name: 'shop', state: 'CLUSTER_STATE_READY', revision: '7', operationId: '' },
  ]);
  expect(parse(await printed('yaml', list))).toEqual(JSON.parse(await printed('json', list)));
  expect(await printed('name', list)).toBe('shop\n');
});

test('an empty list is an empty array', async () => {
  expect(JSON.parse(await printed('json', (out) => out.list(clusterView, [])))).toEqual([]);
});

test('one thing is an object, a stream one document per line', async () => {
  expect(JSON.parse(await printed('json', (out) => out.one(clusterView, shop)))).toMatchObject({ id: 'clu_1' });
  const twice = async (out: Output): Promise<void> => {
    await out.item(clusterView, shop, 'text');
    await out.item(clusterView, shop, 'text');
  };
  expect((await printed('json', twice)).trim().split('\n')).toHaveLength(2);
  expect(parseAllDocuments(await printed('yaml', twice))).toHaveLength(2);
  expect(await printed('table', twice)).toBe('text\ntext\n');
});

test('what could steer a terminal is taken out', () => {
  expect(printable('a\u001b[31mred\u001b[0m\u001b]0;title\u0007\r\nb\tc\u009b')).toBe('ared  b\tc ');
});

test('colours as NO_COLOR, FORCE_COLOR and TERM say', () => {
  expect([
    wantsColor({}, true),
    wantsColor({}, false),
    wantsColor({ NO_COLOR: '1' }, true),
    wantsColor({ NO_COLOR: '' }, true),
    wantsColor({ TERM: 'dumb' }, true),
    wantsColor({ FORCE_COLOR: '1', NO_COLOR: '1' }, false),
    wantsColor({ FORCE_COLOR: '0' }, true),
  ]).toEqual([true, false, false, true, false, true, false]);
});

test('sizes and spans', () => {
  expect([bytes(0n), bytes(4n * 1024n ** 3n), bytes(1536n)]).toEqual(['0 B', '4 GiB', '1.5 KiB']);
  expect([span(999), span(61_000), span(7_200_000), span(2 * 86_400_000)]).toEqual(['0s', '1m', '2h', '2d']);
});
