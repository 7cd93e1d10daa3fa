import { timestampMs } from '@bufbuild/protobuf/wkt';
import {
  OperationKind,
  OperationState,
  StepState,
  type Operation,
  type Step,
} from '@truffle/api/orchestration/v1/operation';
import type { Colors } from '../output/colors.ts';
import { printable } from '../output/printable.ts';
import { span, stateName } from '../output/text.ts';

export interface TreeOptions {
  readonly columns: number;
  /** Lines that there is room for; servers that are done or not begun are folded first. */
  readonly rows: number;
  readonly now: number;
  /** Counts redraws: turns the spinner. */
  readonly frame: number;
  readonly colors: Colors;
}

interface Branch {
  readonly name: string;
  readonly steps: readonly Step[];
}

const spinner = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/** The operation as lines: its head, and under it each server with its steps. None is wider than `columns`. */
export function drawTree(operation: Operation, options: TreeOptions): string[] {
  const branches = branchesOf(operation.steps);
  const room = Math.max(4, options.rows - 2);
  const full = branches.flatMap((branch) => drawBranch(branch, options, false));
  const lines = full.length <= room ? full : foldTo(branches, room, options);
  return [headOf(operation, options), ...lines];
}

/** Steps by what they are about, in the order in which each first comes. */
function branchesOf(steps: readonly Step[]): Branch[] {
  const groups = Map.groupBy(steps, (step) => step.serverName);
  return [...groups].map(([name, own]) => ({ name: name === '' ? 'cluster' : name, steps: own }));
}

function headOf(operation: Operation, { now, columns, colors, frame }: TreeOptions): string {
  const done = operation.steps.filter((step) => step.state === StepState.SUCCEEDED).length;
  const end = operation.endedAt === undefined ? now : timestampMs(operation.endedAt);
  const time = operation.createdAt === undefined ? '' : ` ${span(Math.max(0, end - timestampMs(operation.createdAt)))}`;
  const text = clip(
    `${stateName(OperationKind, operation.kind)} ${printable(operation.clusterName)}: ${stateName(OperationState, operation.state)}${operation.cancelRequested && operation.endedAt === undefined ? ' (cancelling)' : ''}, ${done} of ${operation.steps.length} steps,${time}`,
    columns - 2,
  );
  const mark = {
    [OperationState.SUCCEEDED]: colors.green('✔'),
    [OperationState.FAILED]: colors.red('✖'),
    [OperationState.CANCELLED]: colors.yellow('■'),
  }[operation.state as 3 | 4 | 5];
  return `${mark ?? colors.cyan(spinner[frame % spinner.length] ?? '')} ${colors.bold(text)}`;
}

function drawBranch({ name, steps }: Branch, options: TreeOptions, folded: boolean): string[] {
  const { colors, columns } = options;
  const head = `  ${markOf(stateOfBranch(steps), options)} ${clip(printable(name), columns - 4)}`;
  if (folded) return [head];
  return [
    head,
    ...steps.map(
      (step, i) =>
        `    ${colors.dim(i === steps.length - 1 ? '└' : '├')} ${markOf(step.state, options)} ${clip(textOf(step, options.now), columns - 8)}`,
    ),
  ];
}

function textOf(step: Step, now: number): string {
  const { startedAt, endedAt } = step;
  const time =
    startedAt === undefined
      ? ''
      : ` ${span(Math.max(0, (endedAt === undefined ? now : timestampMs(endedAt)) - timestampMs(startedAt)))}`;
  const detail = step.detail === '' || step.state === StepState.SUCCEEDED ? '' : ` · ${printable(step.detail)}`;
  return `${printable(step.title)}${time}${detail}`;
}

/** What is at work or failed stays open; the rest becomes a line each, and then a count. */
function foldTo(branches: readonly Branch[], room: number, options: TreeOptions): string[] {
  const isBusy = ({ steps }: Branch): boolean =>
    [StepState.RUNNING, StepState.WAITING, StepState.FAILED].includes(stateOfBranch(steps));
  const busy = branches.filter(isBusy);
  const idle = branches.filter((each) => !isBusy(each));
  const open = busy.flatMap((branch) => drawBranch(branch, options, false));
  const lines = open.length < room ? open : busy.flatMap((branch) => drawBranch(branch, options, true));
  const shown = lines.slice(0, room - 1);
  const hidden = lines.length - shown.length;
  const done = idle.filter(({ steps }) => stateOfBranch(steps) === StepState.SUCCEEDED).length;
  const rest = [
    hidden > 0 ? `${hidden} more at work` : '',
    done > 0 ? `${done} done` : '',
    idle.length > done ? `${idle.length - done} to come` : '',
  ].filter(Boolean);
  return rest.length === 0 ? shown : [...shown, options.colors.dim(clip(`  … ${rest.join(', ')}`, options.columns))];
}

function stateOfBranch(steps: readonly Step[]): StepState {
  const has = (state: StepState): boolean => steps.some((step) => step.state === state);
  for (const state of [StepState.FAILED, StepState.RUNNING, StepState.WAITING]) if (has(state)) return state;
  if (steps.every((step) => step.state === StepState.SUCCEEDED)) return StepState.SUCCEEDED;
  return has(StepState.SKIPPED) ? StepState.SKIPPED : StepState.PENDING;
}

function markOf(state: StepState, { colors, frame }: TreeOptions): string {
  switch (state) {
    case StepState.SUCCEEDED:
      return colors.green('✔');
    case StepState.FAILED:
      return colors.red('✖');
    case StepState.RUNNING:
      return colors.cyan(spinner[frame % spinner.length] ?? '');
    case StepState.WAITING:
      return colors.yellow('…');
    case StepState.SKIPPED:
      return colors.dim('-');
    default:
      return colors.dim('·');
  }
}

const clip = (text: string, columns: number): string =>
  text.length <= columns ? text : `${text.slice(0, Math.max(0, columns - 1))}…`;
