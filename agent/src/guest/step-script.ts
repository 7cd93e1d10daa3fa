import type { RenderedStep } from '@truffle/template-language';
import { printing, quote } from './quote.ts';

/** A step's durable place on the guest: named by the command, so that a second run of the command finds the first. */
export interface StepPlace {
  readonly dir: string;
  readonly unit: string;
}

/** Where a step stands. `lost`: it was begun, is not at work and left no exit status (the guest restarted, or it was killed). */
export type StepState =
  | { readonly state: 'running' }
  | { readonly state: 'lost' }
  | { readonly state: 'exit'; readonly code: number };

export interface StepReport {
  readonly at: StepState;
  /** Bytes of the log that have been read or passed over so far. */
  readonly offset: number;
  /** Bytes before this output that are gone: the step wrote more than is kept. */
  readonly gap: number;
  /** The log from the offset that was asked for, or from behind the gap. */
  readonly output: string;
}

/**
 * How often a script looks before it reports, for about two seconds, and how it waits in between. Most steps end at once; one that goes on is
 * looked at less often, as on a small server each look takes of the time that the step has.
 */
const pace = {
  start: {
    looks: 16,
    wait: 'if [ "$i" -lt 5 ]; then sleep 0.02; elif [ "$i" -lt 10 ]; then sleep 0.1; else sleep 0.25; fi',
  },
  watch: { looks: 5, wait: 'sleep 0.4' },
} as const;
/** How much log a script reports at most. */
const chunkBytes = 256 * 1024;
/** A log that is longer at a look is cut to its end: a step may print gigabytes, and the guest has a disk to lose. */
const logBytes = 16 * 1024 * 1024;
const keptBytes = 1024 * 1024;

/** Exit status of a start script that could not write the step's folder. */
export const unwritable = 74;

export function stepPlace(commandId: string, at: number): StepPlace {
  return { dir: `/var/lib/truffle/run/${commandId}-${at}`, unit: `truffle-${commandId.replaceAll('_', '-')}-${at}` };
}

/**
 * A script that starts the step in a unit of its own unless it was started before, and then watches it as `watchScript` does. The unit goes
 * on when the connection ends. `boot_id` is written first: with it and without an exit status a later script knows that the step was begun.
 * @param onSuccess a file and the text that the step leaves there when it succeeds
 */
export function startScript(place: StepPlace, step: RenderedStep, onSuccess?: { path: string; text: string }): string {
  const seconds = Math.max(1, Math.ceil(step.timeoutMs / 1000));
  const env = Object.entries(step.env).map(([name, value]) => `export ${name}=${quote(value)}\n`);
  const note = onSuccess === undefined ? [] : noteLines(onSuccess);
  const runner = [
    `cd ${place.dir}`,
    'echo $$ > ./pid',
    // The environment may hold secrets: it is gone before the step begins.
    '. ./env',
    'rm -f ./env',
    'export HOME=/root DEBIAN_FRONTEND=noninteractive',
    `timeout -k 10 ${seconds} sh ./script >> ./log 2>&1 < /dev/null`,
    'code=$?',
    ...note,
    // In place: a step that filled the disk left no room for more.
    'echo "$code" 1<> ./exit.new',
    'sync ./exit.new',
    'mv -f ./exit.new ./exit',
    '',
  ].join('\n');
  return [
    ...variables(place),
    'if [ ! -f "$d/boot_id" ]; then',
    '  umask 077',
    // Half a script must not run: all of it is there, or nothing.
    `  mkdir -p "$d" && : > "$d/log" && echo '   ' > "$d/exit.new" &&`,
    `    ${printing(step.run)} > "$d/script" &&`,
    `    ${printing(env.join(''))} > "$d/env" &&`,
    `    ${printing(runner)} > "$d/runner" &&`,
    '    cat /proc/sys/kernel/random/boot_id > "$d/boot_id.new" && sync "$d" &&',
    `    mv -f "$d/boot_id.new" "$d/boot_id" || { rm -rf "$d"; exit ${unwritable}; }`,
    '  sync "$d/boot_id"',
    '  systemd-run --quiet --collect --unit="$u" sh "$d/runner" >> "$d/log" 2>&1 || echo 125 > "$d/exit"',
    'fi',
    ...watchLines(0, pace.start),
  ].join('\n');
}

/** A script that waits up to two seconds for the step's end and reports where it stands and the log from `offset` on. */
export function watchScript(place: StepPlace, offset: number): string {
  return [...variables(place), ...watchLines(offset, pace.watch)].join('\n');
}

/** A script that ends the step's unit. */
export function killScript(place: StepPlace): string {
  return `systemctl stop ${place.unit}\n`;
}

/** A script that forgets a lost step, so that it can be started again. */
export function forgetScript(place: StepPlace): string {
  return `rm -rf ${place.dir}\n`;
}

/** Reads what a start or watch script printed; undefined when it is no report. */
export function readStepReport(stdout: string): StepReport | undefined {
  const found = /^(?:(running)|(lost)|exit (\d+)) (\d+) (\d+)\n/.exec(stdout);
  if (found === null) return undefined;
  const [head, running, lost, code, offset, gap] = found;
  const at: StepState =
    running !== undefined
      ? { state: 'running' }
      : lost !== undefined
        ? { state: 'lost' }
        : { state: 'exit', code: Number(code) };
  return { at, offset: Number(offset), gap: Number(gap), output: stdout.slice(head.length) };
}

function variables(place: StepPlace): readonly string[] {
  return [`d=${place.dir}`, `u=${place.unit}`];
}

function watchLines(offset: number, { looks, wait }: (typeof pace)[keyof typeof pace]): readonly string[] {
  return [
    // p: the process of a unit that is active now. To look for it costs nothing, where to ask systemd each time costs more than many a step.
    'p=',
    'if systemctl is-active --quiet "$u"; then p=$(cat "$d/pid" 2> /dev/null); fi',
    // b: bytes that were cut off before what the file holds, n: bytes that it holds.
    'b=$(cat "$d/cut" 2> /dev/null || echo 0)',
    'cut() {',
    '  n=$(stat -c %s "$d/log" 2> /dev/null || echo 0)',
    `  [ "$n" -gt ${logBytes} ] || return 0`,
    // In place: a disk that the log has filled takes no copy. The step appends, so that it goes on behind what is left.
    `  tail -c ${keptBytes} "$d/log" | dd of="$d/log" conv=notrunc bs=64k 2> /dev/null`,
    `  truncate -s ${keptBytes} "$d/log"`,
    `  b=$((b + n - ${keptBytes}))`,
    `  n=${keptBytes}`,
    '  echo "$b" > "$d/cut"',
    '}',
    'i=0',
    's=',
    'while [ -z "$s" ]; do',
    '  if [ -f "$d/exit" ]; then',
    '    read -r c < "$d/exit"',
    '    s="exit $c"',
    '  elif { [ -n "$p" ] && [ -d "/proc/$p" ]; } || systemctl is-active --quiet "$u"; then',
    `    if [ "$i" -ge ${looks} ]; then s=running; else ${wait}; fi`,
    '    i=$((i + 1))',
    '  elif [ ! -f "$d/exit" ]; then',
    '    s=lost',
    '  fi',
    '  cut',
    'done',
    `o=$((${offset} - b))`,
    'g=0',
    'if [ "$o" -lt 0 ]; then g=$((0 - o)); o=0; fi',
    `if [ $((n - o)) -gt ${chunkBytes} ]; then n=$((o + ${chunkBytes})); fi`,
    'if [ $((n)) -lt "$o" ]; then n=$o; fi',
    'echo "$s $((b + n)) $g"',
    'if [ $((n)) -gt "$o" ]; then tail -c +$((o + 1)) "$d/log" | head -c $((n - o)); fi',
    '',
  ];
}

function noteLines({ path, text }: { path: string; text: string }): readonly string[] {
  return [
    'if [ "$code" = 0 ]; then',
    `  mkdir -p ${quote(path.slice(0, path.lastIndexOf('/')))}`,
    `  echo ${quote(text)} > ${quote(path)}`,
    'fi',
  ];
}
