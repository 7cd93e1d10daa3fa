import { create } from '@bufbuild/protobuf';
import { HelloSchema } from '@truffle/api/agent/v1/link';
import { describe, expect, it } from 'vitest';
import { newSession, pace, turn, type RequestFrame, type SessionInput, type SessionState } from './session.ts';

const hello: RequestFrame = { case: 'hello', value: create(HelloSchema) };
const ready = (epoch: bigint): RequestFrame => ({
  case: 'ready',
  value: { $typeName: 'truffle.agent.v1.Ready', epoch },
});
const beat = (n: bigint): RequestFrame => ({
  case: 'heartbeat',
  value: { $typeName: 'truffle.agent.v1.Heartbeat', n },
});
const accepted: RequestFrame = {
  case: 'accepted',
  value: { $typeName: 'truffle.agent.v1.Accepted', commandId: 'c', payloadSha256: new Uint8Array() },
};
const frame = (given: RequestFrame): SessionInput => ({ kind: 'frame', frame: given });
const opened: SessionInput = { kind: 'opened', epoch: 5, welcome: { case: undefined } };
const doubt = { reason: 'IDENTITY_CONFLICT', message: 'a copy' };

/** The state after inputs, and all effects on the way. */
function after(inputs: readonly SessionInput[], now = 0): { state: SessionState; effects: string[]; why: string[] } {
  let state = newSession(0);
  const [effects, why]: [string[], string[]] = [[], []];
  for (const input of inputs) {
    const step = turn(state, input, now);
    state = step.state;
    for (const effect of step.effects) {
      effects.push(effect.kind);
      if (effect.kind === 'finish') why.push(effect.why);
    }
  }
  return { state, effects, why };
}

describe("a session's turns", () => {
  it('goes from Hello to work, each phase by its own input only', () => {
    const { state, effects } = after([frame(hello), opened, frame(ready(5n)), { kind: 'confirmed' }, frame(accepted)]);
    expect(state).toMatchObject({ phase: 'online', epoch: 5 });
    expect(effects).toEqual(['open', 'send', 'confirm', 'begin', 'work']);
  });

  it.each([
    ['a second Hello', [frame(hello), frame(hello)]],
    ['a Ready for another epoch', [frame(hello), opened, frame(ready(4n))]],
    ['a Ready before the offer', [frame(hello), frame(ready(0n))]],
    ['work before Ready', [frame(hello), opened, frame(accepted)]],
    ['a heartbeat before Hello', [frame(beat(1n))]],
  ])('ends at %s', (_what, inputs) => {
    expect(after(inputs).why).toEqual(['PROTOCOL_VIOLATION']);
  });

  it.each([
    ['hello', [], pace.helloMs],
    ['opening', [frame(hello)], pace.openMs],
    ['doubted', [frame(hello), { kind: 'doubted', doubt }], pace.readyMs],
    ['offered', [frame(hello), opened], pace.readyMs],
    ['confirming', [frame(hello), opened, frame(ready(5n))], pace.confirmMs],
  ] satisfies [string, SessionInput[], number][])('gives the phase %s its time and no more', (phase, inputs, ms) => {
    const { state } = after(inputs);
    expect(state.phase).toBe(phase);
    expect(turn(state, { kind: 'tick' }, ms - 1).state.phase).toBe(phase);
    expect(turn(state, { kind: 'tick' }, ms).state.phase).toBe('ended');
  });

  it('beats every 10 s and takes an agent for gone after 30 s of silence', () => {
    const { state } = after([frame(hello), opened, frame(ready(5n)), { kind: 'confirmed' }]);
    expect(turn(state, { kind: 'tick' }, 9_999).effects).toEqual([]);
    expect(turn(state, { kind: 'tick' }, 10_000).effects).toMatchObject([{ kind: 'send' }]);
    const heard = turn(state, frame(beat(1n)), 20_000).state;
    expect(turn(heard, { kind: 'tick' }, 49_999).state.phase).toBe('online');
    expect(turn(heard, { kind: 'tick' }, 50_000).effects).toMatchObject([{ kind: 'finish', why: 'HEARTBEAT_LOST' }]);
  });

  it('quarantines only who answers the heartbeat that was sent because of the doubt', () => {
    const doubted = after([frame(hello), { kind: 'doubted', doubt }]);
    expect(doubted.effects).toEqual(['open', 'send']);
    expect(turn(doubted.state, frame(beat(0n)), 1).effects).toEqual([]);
    const proved = turn(doubted.state, frame(beat(1n)), 1);
    expect(proved.effects).toEqual([{ kind: 'quarantine', doubt }]);
    expect(turn(proved.state, frame(beat(1n)), 2).effects).toEqual([]);
  });
});
