/** What a NoCloud image says to the guest that boots with it. */
export interface Seed {
  readonly hostname: string | undefined;
  readonly user: string | undefined;
  readonly keys: readonly string[];
  /** Static addresses as `address/bits`, by MAC in lower case; `dhcp` for those that ask. */
  readonly addresses: ReadonlyMap<string, string>;
}

const SECTOR = 2048;
const SUPPLEMENTARY = 2;
const TERMINATOR = 255;

/** Files in the root folder of an ISO 9660 image, by their Joliet names; undefined when it is none, or is not labelled `cidata`. */
function filesOf(image: Buffer): Map<string, Buffer> | undefined {
  for (let at = 16 * SECTOR; at + SECTOR <= image.length; at += SECTOR) {
    const kind = image.readUInt8(at);
    if (image.toString('latin1', at + 1, at + 6) !== 'CD001' || kind === TERMINATOR) return undefined;
    if (kind !== SUPPLEMENTARY) continue;
    if (
      wide(image.subarray(at + 40, at + 72))
        .trim()
        .toLowerCase() !== 'cidata'
    )
      return undefined;
    return folder(image, image.readUInt32LE(at + 156 + 2) * SECTOR, image.readUInt32LE(at + 156 + 10));
  }
  return undefined;
}

function folder(image: Buffer, start: number, length: number): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (let at = start; at < start + length;) {
    const size = image.readUInt8(at);
    // Records don't cross sectors.
    if (size === 0) {
      at = (Math.floor(at / SECTOR) + 1) * SECTOR;
      continue;
    }
    const named = image.readUInt8(at + 32);
    if (named > 1) {
      const from = image.readUInt32LE(at + 2) * SECTOR;
      const name = wide(image.subarray(at + 33, at + 33 + named)).replace(/;1$/, '');
      files.set(name, image.subarray(from, from + image.readUInt32LE(at + 10)));
    }
    at += size;
  }
  return files;
}

function wide(bytes: Buffer): string {
  return Buffer.from(bytes).swap16().toString('utf16le');
}

/** Reads an image as cloud-init's NoCloud does, as far as JSON goes (which is YAML); undefined when it is none. */
export function readSeed(image: Buffer): Seed | undefined {
  const files = filesOf(image);
  const meta = files?.get('meta-data');
  const user = files?.get('user-data');
  if (files === undefined || meta === undefined || user === undefined) return undefined;
  const { 'local-hostname': hostname } = parse(meta) as { 'local-hostname'?: string };
  const { users = [] } = parse(user) as { users?: { name?: string; ssh_authorized_keys?: string[] }[] };
  return {
    hostname,
    user: users[0]?.name,
    keys: users.flatMap((one) => one.ssh_authorized_keys ?? []),
    addresses: addressesOf(files.get('network-config')),
  };
}

interface NetworkConfig {
  ethernets?: Record<string, { match?: { macaddress?: string }; addresses?: string[]; dhcp4?: boolean }>;
}

function addressesOf(file: Buffer | undefined): Map<string, string> {
  const { ethernets = {} } = file === undefined ? {} : (parse(file) as NetworkConfig);
  return new Map(
    Object.values(ethernets).map(({ match, addresses }) => [
      (match?.macaddress ?? '').toLowerCase(),
      addresses?.[0] ?? 'dhcp',
    ]),
  );
}

function parse(file: Buffer): unknown {
  return JSON.parse(file.toString('utf8').replace(/^#cloud-config\n/, ''));
}
