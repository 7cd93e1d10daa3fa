import { statSync } from 'node:fs';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { LinkResponseSchema, WelcomeSchema } from '@truffle/api/agent/v1/link';
import { describe, expect, test } from 'vitest';
import type { Dialer, StreamEvents } from '../link/stream.ts';
import { testFolder } from '../testing/folder.ts';
import { newTestKey, testKeySet } from '../testing/signing.ts';
import { PinnedKeys, pinning } from './command-keys.ts';

const [old, next, other] = [newTestKey(), newTestKey(), newTestKey()];

describe('pinned keys', () => {
  test('are the first that come, for the owner alone, and survive', () => {
    const folder = testFolder();
    expect(new PinnedKeys(folder).ids).toEqual([]);
    expect(new PinnedKeys(folder).offer(testKeySet([old], 1))).toBe('pinned');
    expect(new PinnedKeys(folder).ids).toEqual([old.id]);
    expect(new PinnedKeys(folder).key(old.id)).toEqual(old.publicKey);
    expect(statSync(join(folder, 'identity', 'command-keys.json')).mode & 0o777).toBe(0o600);
  });

  test('rotate with overlap', () => {
    const pins = new PinnedKeys(testFolder());
    pins.offer(testKeySet([old], 1));
    expect(pins.offer(testKeySet([old], 1))).toBe('known');
    expect(pins.offer(testKeySet([old, next], 2))).toBe('pinned');
    expect(pins.ids).toEqual([old.id, next.id]);
    expect(pins.offer(testKeySet([next], 3))).toBe('pinned');
    expect(pins.key(old.id)).toBeUndefined();
  });

  test('give way to no stranger, to no older set, and to none that skips the overlap', () => {
    const pins = new PinnedKeys(testFolder());
    pins.offer(testKeySet([old, next], 2));
    for (const set of [testKeySet([other], 9), testKeySet([old], 1), testKeySet([], 9)])
      expect(pins.offer(set)).toBe('refused');
    expect(pins.ids).toEqual([old.id, next.id]);
  });

  test('are no malformed ones, not even as the first', () => {
    const pins = new PinnedKeys(testFolder());
    const set = testKeySet([old], 1);
    expect(pins.offer({ ...set, keys: set.keys.map((key) => ({ ...key, publicKey: new Uint8Array(31) })) })).toBe(
      'refused',
    );
    expect(pins.ids).toEqual([]);
  });

  test('of a Welcome are pinned before anything else of its session is heard', () => {
    const pins = new PinnedKeys(testFolder());
    const heard: string[] = [];
    const events: { current: StreamEvents | undefined } = { current: undefined };
    const dialer: Dialer = {
      dial: (_endpoint, given) => {
        events.current = given;
        return { send: () => true, pause: () => undefined, resume: () => undefined, close: () => undefined };
      },
    };
    const became: string[] = [];
    pinning(dialer, pins, (how) => became.push(how)).dial('', {
      reached: () => undefined,
      connected: () => undefined,
      received: ({ frame }) => void heard.push(`${frame.case} with ${pins.ids.length}`),
      drained: () => undefined,
      lost: () => undefined,
    });
    const value = create(WelcomeSchema, { epoch: 1n, commandKeys: testKeySet([old], 1) });
    events.current?.received(create(LinkResponseSchema, { frame: { case: 'welcome', value } }));
    expect(heard).toEqual(['welcome with 1']);
    expect(became).toEqual(['pinned']);
  });
});
