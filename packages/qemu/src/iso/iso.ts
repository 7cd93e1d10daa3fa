/** A file in the root folder of an image. */
export interface IsoFile {
  /** Its name as guests see it (Joliet): letters, digits, dots and dashes. */
  readonly name: string;
  readonly content: Uint8Array;
}

const sectorBytes = 2048;
/** Sectors of volume descriptors, path tables and the two root folders; files come after them. */
const layout = {
  primary: 16,
  joliet: 17,
  terminator: 18,
  paths: 19,
  jolietPaths: 21,
  root: 23,
  jolietRoot: 24,
  files: 25,
};
/** One sector for a root folder: about 30 files. */
const mostFiles = 16;

/**
 * A CD image (ECMA-119, with Joliet names) of a few files in its root folder: the same bytes for the same files.
 * @param label name of the volume, at most 16 characters
 * @throws RangeError for more than 16 files
 */
export function isoImage(label: string, files: readonly IsoFile[]): Buffer {
  if (files.length > mostFiles) throw new RangeError(`an image holds ${mostFiles} files at most`);
  const sorted = files.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const placed = place(sorted);
  const sectors = placed.reduce(
    (end, file) => Math.max(end, file.sector + sectorsOf(file.content.length)),
    layout.files,
  );
  const image = Buffer.alloc(sectors * sectorBytes);
  descriptor(image, { sector: layout.primary, sectors, label, wide: false });
  descriptor(image, { sector: layout.joliet, sectors, label, wide: true });
  image.writeUInt8(255, layout.terminator * sectorBytes);
  image.write('CD001\x01', layout.terminator * sectorBytes + 1, 'latin1');
  pathTables(image, layout.paths, layout.root);
  pathTables(image, layout.jolietPaths, layout.jolietRoot);
  folder(image, layout.root, placed, (file, at) => Buffer.from(shortName(file.name, at), 'latin1'));
  folder(image, layout.jolietRoot, placed, (file) => wideText(`${file.name};1`));
  for (const file of placed) image.set(file.content, file.sector * sectorBytes);
  return image;
}

interface Placed extends IsoFile {
  readonly sector: number;
}

function place(files: readonly IsoFile[]): readonly Placed[] {
  let sector = layout.files;
  return files.map((file) => {
    const placed = { ...file, sector };
    sector += sectorsOf(file.content.length);
    return placed;
  });
}

const sectorsOf = (bytes: number): number => Math.max(1, Math.ceil(bytes / sectorBytes));

/** Volume descriptor: the primary one, or Joliet's supplementary one with wide names. */
function descriptor(
  image: Buffer,
  { sector, sectors, label, wide }: { sector: number; sectors: number; label: string; wide: boolean },
): void {
  const at = sector * sectorBytes;
  const text = (from: number, length: number, value: string): void => {
    const blank = wide ? wideText(' '.repeat(length / 2)) : Buffer.from(' '.repeat(length));
    blank.copy(image, at + from);
    (wide ? wideText(value) : Buffer.from(value, 'latin1')).copy(image, at + from, 0, length);
  };
  image.writeUInt8(wide ? 2 : 1, at);
  image.write('CD001\x01', at + 1, 'latin1');
  text(8, 32, '');
  text(40, 32, label);
  both32(image, at + 80, sectors);
  if (wide) image.write('%/E', at + 88, 'latin1');
  both16(image, at + 120, 1);
  both16(image, at + 124, 1);
  both16(image, at + 128, sectorBytes);
  both32(image, at + 132, pathBytes);
  const paths = wide ? layout.jolietPaths : layout.paths;
  image.writeUInt32LE(paths, at + 140);
  image.writeUInt32BE(paths + 1, at + 148);
  record(Buffer.from([0]), wide ? layout.jolietRoot : layout.root, sectorBytes, true).copy(image, at + 156);
  text(190, 512, '');
  for (const from of [702, 739, 776]) text(from, 36, '');
  for (const from of [813, 830, 847, 864]) image.write('0'.repeat(16), at + from, 'latin1');
  image.writeUInt8(1, at + 881);
}

/** Bytes of a path table that names the root folder only. */
const pathBytes = 10;

/** The table in one byte order, and in the next sector in the other. */
function pathTables(image: Buffer, sector: number, root: number): void {
  const [little, big] = [sector * sectorBytes, (sector + 1) * sectorBytes];
  image.writeUInt8(1, little);
  image.writeUInt32LE(root, little + 2);
  image.writeUInt16LE(1, little + 6);
  image.writeUInt8(1, big);
  image.writeUInt32BE(root, big + 2);
  image.writeUInt16BE(1, big + 6);
}

function folder(
  image: Buffer,
  sector: number,
  files: readonly Placed[],
  nameOf: (file: Placed, at: number) => Buffer,
): void {
  const records = [
    record(Buffer.from([0]), sector, sectorBytes, true),
    record(Buffer.from([1]), sector, sectorBytes, true),
    ...files.map((file, at) => record(nameOf(file, at), file.sector, file.content.length, false)),
  ];
  Buffer.concat(records).copy(image, sector * sectorBytes);
}

/** A directory record; its times are none, so that the same files give the same image. */
function record(name: Buffer, sector: number, bytes: number, isFolder: boolean): Buffer {
  const length = 33 + name.length + ((name.length + 1) % 2);
  const made = Buffer.alloc(length);
  made.writeUInt8(length, 0);
  both32(made, 2, sector);
  both32(made, 10, bytes);
  made.writeUInt8(70, 18);
  made.writeUInt8(1, 19);
  made.writeUInt8(1, 20);
  made.writeUInt8(isFolder ? 2 : 0, 25);
  both16(made, 28, 1);
  made.writeUInt8(name.length, 32);
  name.copy(made, 33);
  return made;
}

/** A name within the bounds of the plain standard; who reads Joliet never sees it. */
function shortName(name: string, at: number): string {
  const letters = name
    .toUpperCase()
    .replaceAll(/[^A-Z0-9]/g, '_')
    .slice(0, 7);
  return `${letters}${at % 10}.;1`;
}

function wideText(text: string): Buffer {
  return Buffer.from(text, 'utf16le').swap16();
}

function both16(image: Buffer, at: number, value: number): void {
  image.writeUInt16LE(value, at);
  image.writeUInt16BE(value, at + 2);
}

function both32(image: Buffer, at: number, value: number): void {
  image.writeUInt32LE(value, at);
  image.writeUInt32BE(value, at + 4);
}
