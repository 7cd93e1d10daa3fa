import { readPropertyString, writePropertyString } from '../schema/property-string.ts';
import type { Config } from './vm.ts';

export interface Drive {
  /** `scsi0`, `ide2`, … */
  key: string;
  /** A volume, `none` or `cdrom`. */
  file: string;
  options: Record<string, string>;
}

const DRIVE_KEY = /^(ide[0-3]|sata[0-5]|scsi([12]?\d|30)|virtio(\d|1[0-5])|efidisk0|tpmstate0|unused\d+)$/;

export function isDriveKey(key: string): boolean {
  return DRIVE_KEY.test(key);
}

export function readDrive(key: string, text: string): Drive {
  const { file = '', volume = '', ...options } = readPropertyString(text, 'file');
  return { key, file: file === '' ? volume : file, options };
}

export function writeDrive(drive: Drive): string {
  return writePropertyString({ file: drive.file, ...drive.options }, 'file');
}

/** The drives of a configuration, in the order of their names. */
export function drives(config: Config): Drive[] {
  return Object.keys(config)
    .filter(isDriveKey)
    .sort()
    .map((key) => readDrive(key, config[key] ?? ''));
}

export function isCdrom(drive: Drive): boolean {
  return drive.options['media'] === 'cdrom';
}

export function isCloudinit(drive: Drive): boolean {
  return isCdrom(drive) && /vm-\d+-cloudinit/.test(drive.file);
}

/** Whether the drive holds data of a volume (so not a CD, `none` or an ISO). */
export function isDisk(drive: Drive): boolean {
  return !isCdrom(drive) && drive.file.includes(':');
}

const UNITS: Record<string, number> = { '': 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3, T: 1024 ** 4 };

/** Bytes of "3G", "512M", "10". */
export function parseSize(text: string): number | undefined {
  const [, amount = '', unit = ''] = /^(\d+(?:\.\d+)?)([KMGT]?)$/.exec(text) ?? [];
  return amount === '' ? undefined : Math.round(Number(amount) * (UNITS[unit] ?? 1));
}

/** Bytes in the largest unit that is exact. */
export function formatSize(bytes: number): string {
  for (const unit of ['T', 'G', 'M', 'K']) {
    const factor = UNITS[unit] ?? 1;
    if (bytes % factor === 0 && bytes >= factor) return `${bytes / factor}${unit}`;
  }
  return String(bytes);
}

/** The size of the first boot disk in bytes: what lists call `maxdisk`. */
export function bootDiskSize(config: Config): number {
  const order = /order=([^,]+)/.exec(config['boot'] ?? '')?.[1]?.split(';') ?? [];
  const disks = drives(config).filter(
    (drive) => isDisk(drive) && !drive.key.startsWith('unused') && !/^(efidisk|tpmstate)/.test(drive.key),
  );
  const boot =
    order.map((key) => disks.find((drive) => drive.key === key)).find((drive) => drive !== undefined) ?? disks[0];
  return boot === undefined ? 0 : (parseSize(boot.options['size'] ?? '0') ?? 0);
}
