import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { base64Encode } from '@bufbuild/protobuf/wire';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import type { Plugin } from 'vite';

/** Generated code of the contract; not of the options themselves. */
const generated = /\/packages\/api\/gen\/(?!buf\/|google\/api\/|truffle\/options\/).*_pb\.js$/;
const description = /fileDesc\("([^"]*)"(?:,\s*\[([^\]]*)\])?\s*\)/;
/** What only options are made of, unless a field is. */
const ofOptions = /\bfile_(buf_validate|google_api|truffle_options)_\w+/;

/**
 * Leaves out of the generated code what the contract says for servers alone: bounds of fields, permissions, REST paths. A page reads none of
 * that (the server checks), and it was a quarter of the script that is loaded first. What is on the wire stays the same.
 */
export const leanDescriptors = (): Plugin => ({
  name: 'lean-descriptors',
  // Before anything else writes the code in another way.
  enforce: 'pre',
  transform: (code, id) => (generated.test(id) ? { code: withoutOptions(code), map: null } : undefined),
});

/** @param code of a `_pb.js` file */
export function withoutOptions(code: string): string {
  const [whole = '', encoded = '', imports = ''] = description.exec(code) ?? [];
  if (whole === '') return code;
  const file = fromBinary(FileDescriptorProtoSchema, Buffer.from(encoded, 'base64'));
  strip(file);
  const bytes = toBinary(FileDescriptorProtoSchema, file);
  const types = Buffer.from(bytes).toString('latin1');
  const isNeeded = (line: string): boolean => {
    const of = ofOptions.exec(line)?.[1];
    return of === undefined || types.includes(`.${of.replace('_', '.')}.`);
  };
  const needed = imports.split(/[\s,]+/).filter((name) => name !== '' && isNeeded(name));
  const lean = `fileDesc("${base64Encode(bytes, 'std_raw')}"${needed.length === 0 ? '' : `, [${needed.join(', ')}]`})`;
  const lines = code.replace(whole, lean).split('\n');
  return lines.filter((line) => !line.startsWith('import ') || isNeeded(line)).join('\n');
}

/** Options of our own are fields that the descriptor's own description does not know. */
function strip(node: unknown): void {
  if (typeof node !== 'object' || node === null || node instanceof Uint8Array) return;
  const known = node as Record<string, unknown>;
  const { options } = known;
  if (typeof options === 'object' && options !== null) {
    delete (options as { $unknown?: unknown }).$unknown;
    const isEmpty = Object.entries(options).every(
      ([key, value]) => key === '$typeName' || (Array.isArray(value) && value.length === 0),
    );
    if (isEmpty) delete known['options'];
  }
  for (const value of Object.values(known)) strip(value);
}
