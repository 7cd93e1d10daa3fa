import { findProcess, listMachines, usageOf } from '@truffle/qemu';
import type { GuestUsage } from '../metric/sampler.ts';
import { folderOf } from './locate.ts';
import type { QemuSite } from './site.ts';

interface Sample {
  readonly cpuSeconds: number;
  readonly atMs: number;
  readonly startTicks: string;
}

/** Asks what the site's running guests use, as their processes show it. Bytes on networks are not known here: 0. */
export function usageReader(site: QemuSite): () => Promise<readonly GuestUsage[]> {
  let before = new Map<number, Sample>();
  return async () => {
    const now = new Map<number, Sample>();
    const { first, last } = site.vmids;
    const numbers = listMachines(site.folder)
      .map(Number)
      .filter((vmid) => vmid >= first && vmid <= last);
    const usages = numbers.flatMap((vmid) => {
      const process = findProcess(folderOf(site, vmid));
      const used = process === undefined ? undefined : usageOf(process);
      if (process === undefined || used === undefined) return [];
      const { cpuSeconds, memoryBytes, readBytes, writtenBytes } = used;
      const sample = { cpuSeconds, atMs: performance.now(), startTicks: process.startTicks };
      now.set(vmid, sample);
      const last = before.get(vmid);
      return [
        {
          vmid,
          cpuShare: last?.startTicks === sample.startTicks ? shareOf(last, sample, process.cpu) : 0,
          memoryBytes,
          diskReadBytes: readBytes,
          diskWrittenBytes: writtenBytes,
          networkReceivedBytes: 0,
          networkSentBytes: 0,
        },
      ];
    });
    before = now;
    return usages;
  };
}

function shareOf(last: Sample, now: Sample, cpu: number): number {
  const seconds = (now.atMs - last.atMs) / 1_000;
  return seconds <= 0 ? 0 : Math.min(1, Math.max(0, (now.cpuSeconds - last.cpuSeconds) / seconds / Math.max(1, cpu)));
}
