import { QueryClient, QueryObserver } from '@tanstack/react-query';
import { expect, test } from 'vitest';
import { isOfAnother, Refresher, type Clock } from './refresher.ts';

const key = (serviceName: string, input: object = {}) => ['connect-query', { serviceName, input }];

/** A clock that stands still until it is told, and a query whose answers come when they are told. */
function scene() {
  const pauses: (() => void)[] = [];
  const clock: Clock = { now: () => 0, pause: () => new Promise((resolve) => pauses.push(resolve)) };
  const client = new QueryClient();
  const asked: string[] = [];
  const answers: ((text: string) => void)[] = [];
  const show = (name: string) => {
    const queryFn = (): Promise<string> => {
      asked.push(name);
      return new Promise((resolve) => answers.push(resolve));
    };
    const observer = new QueryObserver(client, { queryKey: key(name), queryFn, staleTime: Infinity });
    client.setQueryData(key(name), 'old');
    return observer.subscribe(() => undefined);
  };
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  };
  const touch = (refresher: Refresher, name: string): void =>
    refresher.touch(([, of]) => (of as { serviceName: string }).serviceName === name);
  return { clock, client, asked, answers, pauses, show, settle, touch, refresher: new Refresher(client, clock) };
}

test('an event asks at once, and many while the answer is out ask once more', async () => {
  const { asked, answers, pauses, show, settle, touch, refresher } = scene();
  show('A');
  show('B');
  touch(refresher, 'A');
  await settle();
  expect(asked).toEqual(['A']);
  for (let n = 0; n < 5; n++) touch(refresher, 'A');
  await settle();
  expect(asked).toEqual(['A']);
  touch(refresher, 'B');
  await settle();
  expect(asked).toEqual(['A', 'B']);
  answers[0]?.('new');
  await settle();
  expect(asked).toEqual(['A', 'B']);
  for (const end of pauses) end();
  await settle();
  expect(asked).toEqual(['A', 'B', 'A']);
});

test('an answer that nobody looks at is only marked old', async () => {
  const { client, asked, show, settle, touch, refresher } = scene();
  const hide = show('A');
  hide();
  touch(refresher, 'A');
  await settle();
  expect(asked).toEqual([]);
  expect(client.getQueryState(key('A'))?.isInvalidated).toBe(true);
});

test('a question that never ends holds up no later event', async () => {
  const { asked, pauses, show, settle, touch, refresher } = scene();
  show('A');
  touch(refresher, 'A');
  await settle();
  touch(refresher, 'A');
  // The longest wait, then the gap.
  for (let n = 0; n < 2; n++) {
    for (const end of pauses.splice(0)) end();
    await settle();
  }
  expect(asked).toEqual(['A', 'A']);
});

test('a question that is out already is answered first, and then asked again', async () => {
  const { client, asked, answers, show, settle, touch, refresher } = scene();
  show('A');
  void client.refetchQueries({ queryKey: key('A') });
  await settle();
  touch(refresher, 'A');
  await settle();
  expect(asked).toEqual(['A']);
  answers[0]?.('before the event');
  await settle();
  expect(asked).toEqual(['A', 'A']);
  answers[1]?.('after it');
  await settle();
  expect(client.getQueryData(key('A'))).toBe('after it');
});

test('an event of one thing asks for no other of its kind', () => {
  expect(isOfAnother(key('ServerService', { serverId: 'srv_1' }), 'srv_2')).toBe(true);
  expect(isOfAnother(key('ServerService', { serverId: 'srv_1' }), 'srv_1')).toBe(false);
  expect(isOfAnother(key('ServerService', { clusterId: 'clu_1' }), 'srv_1')).toBe(false);
  expect(isOfAnother(key('ClusterService', { projectId: 'prj_1' }), '')).toBe(false);
});
