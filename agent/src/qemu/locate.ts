import { join } from 'node:path';
import { type MachineRecord, readRecord } from '@truffle/qemu';
import type { QemuSite } from './site.ts';

/** A machine that is there. */
export interface Here {
  readonly vmid: number;
  readonly folder: string;
  readonly record: MachineRecord;
}

export const folderOf = (site: Pick<QemuSite, 'folder'>, vmid: number): string => join(site.folder, String(vmid));

/** The machine on a number; undefined when there is none. @throws QemuError when its folder can't be read */
export function locate(site: Pick<QemuSite, 'folder'>, vmid: number): Here | undefined {
  const folder = folderOf(site, vmid);
  const record = readRecord(folder);
  return record === undefined ? undefined : { vmid, folder, record };
}
