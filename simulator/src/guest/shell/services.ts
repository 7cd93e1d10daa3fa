import { portsOf, unitFile } from '../ports.ts';
import { type Unit, bareName } from '../services.ts';
import { readArguments } from './arguments.ts';
import type { Programs, Run } from './program.ts';
import type { Shell } from './shell.ts';
import { systemdRun } from './transient.ts';

/** The unit a name means: `postgresql@15-main` is what the package's `postgresql` starts. */
function find(shell: Shell, name: string): Unit | undefined {
  const { services, disk } = shell.guest;
  const bare = bareName(name);
  const known = services.unit(bare) ?? services.unit(bare.split('@')[0] ?? bare);
  if (known !== undefined) return known;
  return unitFile(disk, bare) === undefined ? undefined : services.declare(bare);
}

function start(shell: Shell, unit: Unit): void {
  unit.ports = portsOf(shell.guest.disk, unit.name, unit.ports);
  unit.active = true;
  unit.failed = false;
}

const CHANGES: Readonly<Record<string, (shell: Shell, unit: Unit, now: boolean) => void>> = {
  start: (shell, unit) => start(shell, unit),
  restart: (shell, unit) => start(shell, unit),
  reload: (shell, unit) => start(shell, unit),
  'reload-or-restart': (shell, unit) => start(shell, unit),
  'try-restart': (shell, unit) => {
    if (unit.active) start(shell, unit);
  },
  stop: (_shell, unit) => {
    unit.active = false;
  },
  kill: (_shell, unit) => {
    unit.active = false;
  },
  enable: (shell, unit, now) => {
    unit.enabled = true;
    if (now) start(shell, unit);
  },
  disable: (_shell, unit, now) => {
    unit.enabled = false;
    if (now) unit.active = false;
  },
  unmask: () => undefined,
  mask: (_shell, unit, now) => {
    unit.enabled = false;
    if (now) unit.active = false;
  },
};

function change({ shell, io }: Run, verb: string, names: readonly string[], now: boolean): number {
  const act = CHANGES[verb];
  if (act === undefined) return 0;
  for (const name of names) {
    const unit = find(shell, name);
    const full = name.includes('.') ? name : `${name}.service`;
    if (unit === undefined && !/\.(timer|socket|target|mount|path)$/.test(name)) {
      const says =
        verb === 'enable' || verb === 'disable'
          ? `Failed to ${verb} unit: Unit file ${full} does not exist.`
          : `Failed to ${verb} ${full}: Unit ${full} not found.`;
      io.err(`${says}\n`);
      return verb === 'enable' || verb === 'disable' ? 1 : 5;
    }
    if (unit === undefined) continue;
    if (verb === 'stop' && unit.transient === true) shell.guest.stopTransient(unit.name);
    act(shell, unit, now);
  }
  return 0;
}

function state(unit: Unit | undefined): string {
  if (unit?.active === true) return 'active';
  return unit?.failed === true ? 'failed' : 'inactive';
}

function isActive({ shell, io }: Run, names: readonly string[], quiet: boolean): number {
  const states = names.map((name) => state(find(shell, name)));
  if (!quiet) io.out(`${states.join('\n')}\n`);
  return states.includes('active') ? 0 : 3;
}

function show({ shell, io }: Run, names: readonly string[], wanted: readonly string[], bare: boolean): number {
  const [name = ''] = names;
  const unit = find(shell, name);
  const values: Record<string, string> = {
    Id: name.includes('.') ? name : `${name}.service`,
    LoadState: unit === undefined ? 'not-found' : 'loaded',
    ActiveState: state(unit),
    SubState: unit?.active === true ? 'running' : unit?.failed === true ? 'failed' : 'dead',
    Result: unit?.failed === true ? 'exit-code' : 'success',
    ExecMainStatus: String(unit?.result ?? 0),
    ExecMainCode: unit?.result === undefined ? '0' : '1',
    UnitFileState: unit?.enabled === true ? 'enabled' : 'disabled',
    MainPID: unit?.active === true ? '1234' : '0',
    InvocationID: unit === undefined ? '' : shell.guest.bootId.replaceAll('-', ''),
    NRestarts: '0',
  };
  for (const key of wanted.length === 0 ? Object.keys(values) : wanted)
    io.out(bare ? `${values[key] ?? ''}\n` : `${key}=${values[key] ?? ''}\n`);
  return 0;
}

function status(run: Run, names: readonly string[]): number {
  const { shell, io } = run;
  for (const name of names) {
    const unit = find(shell, name);
    if (unit === undefined) {
      io.err(`Unit ${name.includes('.') ? name : `${name}.service`} could not be found.\n`);
      return 4;
    }
    io.out(
      `● ${unit.name}.service\n     Loaded: loaded\n     Active: ${state(unit)} (${unit.active ? 'running' : 'dead'})\n`.replace(
        '●',
        '*',
      ),
    );
  }
  return names.every((name) => find(shell, name)?.active === true) ? 0 : 3;
}

function systemctl(run: Run): number {
  const { shell, io } = run;
  const { options, operands } = readArguments(run.args, [
    'p',
    'property',
    't',
    'type',
    'n',
    's',
    'signal',
    'H',
    'M',
    'state',
  ]);
  const [verb = 'list-units', ...names] = operands;
  const quiet = options.has('q') || options.has('quiet');
  if (verb === 'is-active') return isActive(run, names, quiet);
  if (verb === 'is-failed') return names.some((name) => find(shell, name)?.failed === true) ? 0 : 1;
  if (verb === 'is-enabled') {
    const enabled = names.some((name) => find(shell, name)?.enabled === true);
    if (!quiet) io.out(enabled ? 'enabled\n' : 'disabled\n');
    return enabled ? 0 : 1;
  }
  if (verb === 'is-system-running') {
    io.out('running\n');
    return 0;
  }
  if (verb === 'show')
    return show(
      run,
      names,
      (options.get('p') ?? options.get('property') ?? '').split(',').filter((one) => one !== ''),
      options.has('value'),
    );
  if (verb === 'status') return status(run, names);
  if (verb === 'cat') {
    const text = unitFile(shell.guest.disk, bareName(names[0] ?? ''));
    if (text === undefined) return 1;
    io.out(text);
    return 0;
  }
  if (verb === 'reset-failed') {
    for (const [key, unit] of shell.guest.services.units) {
      if (names.length > 0 && !names.map(bareName).includes(key)) continue;
      unit.failed = false;
      if (unit.transient === true && !unit.active) shell.guest.services.units.delete(key);
    }
    return 0;
  }
  if (verb === 'list-units' || verb === 'list-unit-files') {
    for (const unit of shell.guest.services.units.values())
      io.out(`${unit.name}.service loaded ${state(unit)} ${unit.active ? 'running' : 'dead'} ${unit.name}\n`);
    return 0;
  }
  if (shell.user !== 'root') {
    io.err(`Failed to ${verb} ${names[0] ?? ''}: Interactive authentication required.\n`);
    return 1;
  }
  return change(run, verb, names, options.has('now'));
}

/** systemd as far as deployments talk to it. */
export const services: Programs = {
  systemctl,
  'systemd-run': systemdRun,
  'systemd-notify': () => 0,
  'systemd-analyze': () => 0,
  service: (run) => change(run, run.args[1] ?? '', [run.args[0] ?? ''], false),
  journalctl: ({ shell, args, io }) => {
    const { options } = readArguments(args, ['u', 'unit', 'n', 'lines', 'o', 'since']);
    const unit = bareName(options.get('u') ?? options.get('unit') ?? '');
    io.out(shell.guest.journal.get(unit) ?? '');
    return 0;
  },
};
