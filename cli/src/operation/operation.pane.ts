import type { Operation, Step } from '@truffle/api/orchestration/v1/operation';
import type { Invocation } from '../invocation.ts';
import { clock } from '../output/text.ts';
import { stateOfStep } from './operation.view.ts';
import { drawTree } from './operation.tree.ts';

/** Shows an operation while it goes on. */
export interface Pane {
  show(operation: Operation): void;
  /** A line that stays, such as one of a log; its foreign parts are printable already. */
  print(line: string): void;
  /** Leaves the last state on the screen. */
  close(): void;
}

const redrawEvery = 120;

/** A tree that is redrawn on a terminal, plain lines elsewhere, nothing with `--quiet`. */
export function openPane(cli: Invocation): Pane {
  if (cli.notes.quiet) return { show: () => {}, print: () => {}, close: () => {} };
  return cli.notes.live ? livePane(cli) : plainPane(cli);
}

function livePane(cli: Invocation): Pane {
  const { notes } = cli;
  let operation: Operation | undefined;
  let drawn = 0;
  let frame = 0;
  const erase = (): string => (drawn === 0 ? '' : `\u001b[${drawn}A\u001b[J`);
  const draw = (before = ''): void => {
    const { columns, rows } = cli.size();
    const lines =
      operation === undefined
        ? []
        : drawTree(operation, { columns, rows: rows - 1, now: cli.now(), frame, colors: notes.colors });
    notes.raw(`${erase()}${before}${lines.map((line) => `${line}\n`).join('')}`);
    drawn = lines.length;
  };
  notes.raw('\u001b[?25l');
  const showCursor = (): void => notes.raw('\u001b[?25h');
  process.once('exit', showCursor);
  const timer = setInterval(() => {
    frame++;
    draw();
  }, redrawEvery);
  return {
    show: (now) => {
      operation = now;
      draw();
    },
    print: (line) => draw(`${line}\n`),
    close: () => {
      clearInterval(timer);
      draw();
      process.removeListener('exit', showCursor);
      showCursor();
    },
  };
}

/** One line whenever a step changes. */
function plainPane(cli: Invocation): Pane {
  const seen = new Map<string, string>();
  return {
    show: (operation) => {
      for (const step of operation.steps) {
        const text = lineOf(step);
        const before = seen.get(step.key);
        seen.set(step.key, text);
        if (before === text || (before === undefined && stateOfStep(step.state) === 'pending')) continue;
        cli.notes.say(`${clock(cli.now())}  ${text}`);
      }
    },
    print: (line) => cli.notes.raw(`${line}\n`),
    close: () => {},
  };
}

const lineOf = (step: Step): string =>
  `${step.serverName || 'cluster'}  ${step.title}: ${stateOfStep(step.state)}${step.detail === '' ? '' : ` (${step.detail})`}`;
