type Options = Readonly<Record<string, string>>;

export interface BootDisk {
  /** Such as `scsi0`. */
  readonly key: string;
  /** 0 when the configuration does not say. */
  readonly bytes: number;
}

const driveKey = /^(ide|sata|scsi|virtio)\d+$/;
const units: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/** The disk that the VM boots from: first in `boot`, else the first disk there is. */
export function bootDisk(options: Options): BootDisk | undefined {
  const order = /order=([^,]*)/.exec(options['boot'] ?? '')?.[1]?.split(';') ?? [];
  const usual = [
    'scsi0',
    'virtio0',
    'sata0',
    'ide0',
    ...Object.keys(options)
      .filter((key) => driveKey.test(key))
      .sort(),
  ];
  const key = [...order, ...usual].find((each) => driveKey.test(each) && isDisk(options[each]));
  if (key === undefined) return undefined;
  const size = /(?:^|,)size=(\d+(?:\.\d+)?)([KMGT]?)(?:,|$)/.exec(options[key] ?? '');
  return { key, bytes: size === null ? 0 : Number(size[1]) * (units[size[2] ?? ''] ?? 1) };
}

/** Storages that the VM's disks lie on. */
export function storagesOf(options: Options): readonly string[] {
  const own = Object.entries(options)
    .filter(([key, value]) => (driveKey.test(key) && isDisk(value)) || key === 'efidisk0' || key === 'tpmstate0')
    .map(([, value]) => value.split(':')[0] ?? '');
  return [...new Set(own)];
}

/** Whether the VM has a cloud-init drive. */
export function hasCloudInit(options: Options): boolean {
  return Object.entries(options).some(([key, value]) => driveKey.test(key) && isCloudInit(value));
}

/** Whether a drive's value names the hypervisor's own cloud-init drive. */
export function isCloudInit(value: string): boolean {
  return value.includes('cloudinit');
}

function isDisk(value: string | undefined): boolean {
  return (
    value !== undefined &&
    !/(?:^|,)media=cdrom(?:,|$)/.test(value) &&
    !value.startsWith('none') &&
    !value.includes('cloudinit')
  );
}
