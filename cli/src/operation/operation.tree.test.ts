import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import {
  OperationKind,
  OperationSchema,
  OperationState,
  StepState,
  type Step,
} from '@truffle/api/orchestration/v1/operation';
import { expect, test } from 'vitest';
import { colorsFor } from '../output/colors.ts';
import { step } from '../testing/peer.ts';
import { drawTree } from './operation.tree.ts';

const colors = colorsFor({ NO_COLOR: '1' }, true);
const operation = (steps: readonly Step[], state = OperationState.RUNNING) =>
  create(OperationSchema, {
    kind: OperationKind.CREATE,
    clusterName: 'shop',
    state,
    createdAt: timestampFromMs(0),
    steps: [...steps],
  });
const draw = (steps: readonly Step[], rows = 40, columns = 80) =>
  drawTree(operation(steps), { columns, rows, now: 65_000, frame: 0, colors });

test('shows each server with its steps', () => {
  const steps = [
    { ...step('', StepState.SUCCEEDED), key: 'reserve', title: 'Reserve VM numbers' },
    step('web-0', StepState.RUNNING, 'cloning'),
    step('web-1', StepState.FAILED, 'no room'),
  ];
  expect(draw(steps).join('\n')).toMatchInlineSnapshot(`
    "⠋ create shop: running, 1 of 3 steps, 1m
      ✔ cluster
        └ ✔ Reserve VM numbers
      ⠋ web-0
        └ ⠋ Make and boot the VM · cloning
      ✖ web-1
        └ ✖ Make and boot the VM · no room"
  `);
});

test('is never higher or wider than the terminal, and keeps what is at work', () => {
  const steps = Array.from({ length: 200 }, (_, i) =>
    step(`web-${i}`, i < 150 ? StepState.SUCCEEDED : i < 153 ? StepState.RUNNING : StepState.PENDING, 'x'.repeat(200)),
  );
  const lines = draw(steps, 20, 60);
  expect(lines.length).toBeLessThanOrEqual(20);
  expect(lines.every((line) => line.length <= 60)).toBe(true);
  expect(lines.join('\n')).toContain('web-151');
  expect(lines.at(-1)).toContain('150 done, 47 to come');
  const busy = draw(
    steps.map((each) => ({ ...each, state: StepState.RUNNING })),
    20,
    60,
  );
  expect(busy).toHaveLength(19);
  expect(busy.at(-1)).toContain('more at work');
});

test('nothing that a server says can steer the terminal', () => {
  const drawn = draw([step('web\u001b[2J', StepState.RUNNING, '\u001b]0;x\u0007\rgone')]).join('\n');
  expect(['\u001b', '\u0007', '\r'].filter((each) => drawn.includes(each))).toEqual([]);
});
