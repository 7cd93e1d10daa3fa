/** What a Windows program says of itself (Microsoft's PE format), as far as our tests look. */
export interface PortableExecutable {
  /** 0x8664 is x86-64. */
  readonly machine: number;
  /** 0x20b is PE32+. */
  readonly magic: number;
  /** 3 is a console program. */
  readonly subsystem: number;
  /** The data of the resource (RT_RCDATA) of that name; undefined for none. */
  resource(name: string): Buffer | undefined;
}

const headerPlace = 0x3c;
const rawData = 10;
const isFolder = 0x8000_0000;

/** @throws RangeError for what is cut off @throws TypeError for what is no such program */
export function readPortableExecutable(file: Buffer): PortableExecutable {
  const header = file.readUInt32LE(headerPlace);
  if (file.toString('latin1', 0, 2) !== 'MZ' || file.toString('latin1', header, header + 4) !== 'PE\0\0')
    throw new TypeError('is no Windows program');
  const coff = header + 4;
  const optional = coff + 20;
  const sections = Array.from({ length: file.readUInt16LE(coff + 2) }, (_, i) => {
    const at = optional + file.readUInt16LE(coff + 16) + 40 * i;
    return { address: file.readUInt32LE(at + 12), size: file.readUInt32LE(at + 16), place: file.readUInt32LE(at + 20) };
  });
  const placeOf = (address: number): number => {
    const section = sections.find((each) => address >= each.address && address < each.address + each.size);
    if (section === undefined) throw new RangeError(`no section holds ${address}`);
    return address - section.address + section.place;
  };
  // The third data directory of PE32+.
  const root = placeOf(file.readUInt32LE(optional + 112 + 8 * 2));
  const entries = (folder: number) => {
    const count = file.readUInt16LE(folder + 12) + file.readUInt16LE(folder + 14);
    return Array.from({ length: count }, (_, i) => {
      const [id, to] = [file.readUInt32LE(folder + 16 + 8 * i), file.readUInt32LE(folder + 20 + 8 * i)];
      return {
        id: id >= isFolder ? nameAt(root + id - isFolder) : id,
        to: root + (to >= isFolder ? to - isFolder : to),
      };
    });
  };
  const nameAt = (place: number): string =>
    file.toString('utf16le', place + 2, place + 2 + 2 * file.readUInt16LE(place));
  return {
    machine: file.readUInt16LE(coff),
    magic: file.readUInt16LE(optional),
    subsystem: file.readUInt16LE(optional + 68),
    resource: (name) => {
      const kind = entries(root).find(({ id }) => id === rawData);
      const named = kind && entries(kind.to).find(({ id }) => id === name);
      const [first] = named === undefined ? [] : entries(named.to);
      if (first === undefined) return undefined;
      const place = placeOf(file.readUInt32LE(first.to));
      return file.subarray(place, place + file.readUInt32LE(first.to + 4));
    },
  };
}
