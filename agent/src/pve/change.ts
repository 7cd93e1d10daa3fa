import type { CommandRun } from '../command/effect.ts';
import type { VmConfig } from './api.ts';
import { mayPass } from './fault.ts';
import { jitter, pause } from './pause.ts';
import type { PveSite } from './site.ts';

type Options = Readonly<Record<string, string>>;

const tries = 6;

/**
 * Brings a VM's options to what is wanted of them, in one compare-and-set, and only what differs; read again and compared anew when
 * somebody else was faster. An option wanted as `''` is removed.
 * @returns the configuration as it is then
 * @throws PveError, or the run's signal's reason
 */
export async function change(
  site: PveSite,
  run: CommandRun,
  vm: { readonly node: string; readonly vmid: number; readonly config: VmConfig },
  wanted: (options: Options) => Options,
): Promise<VmConfig> {
  let { config } = vm;
  for (let at = 0; ; at++) {
    const differing = differences(config.options, wanted(config.options));
    if (Object.keys(differing).length === 0) return config;
    run.progress('configure', `setting ${Object.keys(differing).sort().join(', ')}`);
    const removed = Object.keys(differing).filter((key) => differing[key] === '');
    const set = Object.fromEntries(Object.entries(differing).filter(([, value]) => value !== ''));
    const sent = removed.length === 0 ? set : { ...set, delete: removed.join(',') };
    try {
      await site.api.setConfig(vm.node, vm.vmid, sent, config.digest, run.signal);
    } catch (error) {
      if (at + 1 >= tries || !mayPass(error)) throw error;
    }
    await pause(at === 0 ? 0 : jitter(at, 100, 3_000), run.signal);
    config = await site.api.config(vm.node, vm.vmid, run.signal);
  }
}

function differences(options: Options, wanted: Options): Options {
  return Object.fromEntries(Object.entries(wanted).filter(([key, value]) => !same(key, options[key], value)));
}

function same(key: string, is: string | undefined, wanted: string): boolean {
  if (is === undefined) return wanted === '' || (key === 'sockets' && wanted === '1');
  if (key === 'sshkeys') return decoded(is) === decoded(wanted);
  if (/^net\d+$/.test(key)) return sorted(is, ',') === sorted(wanted, ',');
  if (key === 'tags') return sorted(is.replaceAll(/[, ]/g, ';'), ';') === sorted(wanted, ';');
  return is === wanted;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text).trim();
  } catch {
    return text;
  }
}

const sorted = (text: string, by: string): string => text.split(by).sort().join(by);
