/** A file of an archive. A folder has no content. */
export interface CpioEntry {
  readonly name: string;
  readonly mode: number;
  readonly content: Uint8Array;
}

const trailer = { name: 'TRAILER!!!', mode: 0, content: new Uint8Array() };

/** An archive as the kernel unpacks one at its start ("newc"), everything root's and without a time: the same bytes for the same entries. */
export function cpioArchive(entries: readonly CpioEntry[]): Buffer {
  return Buffer.concat([...entries, trailer].flatMap((entry, at) => entryBytes(entry, at + 1)));
}

function entryBytes({ name, mode, content }: CpioEntry, number: number): readonly Uint8Array[] {
  const nameBytes = Buffer.from(`${name}\0`);
  // inode, mode, uid, gid, links, time, bytes, device twice, special device twice, bytes of the name, checksum
  const fields = [number, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, nameBytes.length, 0];
  const head = Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`);
  return [head, nameBytes, padding(head.length + nameBytes.length), content, padding(content.length)];
}

/** All begins at a multiple of four. */
const padding = (bytes: number): Uint8Array => new Uint8Array((4 - (bytes % 4)) % 4);
