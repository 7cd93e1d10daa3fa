import { createHash } from 'node:crypto';
import type { UploadedFile } from '../call.ts';
import { ApiError } from '../errors.ts';
import type { Incoming } from '../schema/verify.ts';

export type Fields = Record<string, Incoming>;

/** Form text to parameters; a repeated key becomes a list. */
export function parseForm(text: string): Fields {
  const fields: Fields = {};
  for (const [key, value] of new URLSearchParams(text)) {
    const before = fields[key];
    if (before === undefined) fields[key] = value;
    else fields[key] = Array.isArray(before) ? [...before, value] : [before, value];
  }
  return fields;
}

/** @throws {ApiError} 400 when the body is no JSON object */
export function parseJson(text: string): Fields {
  if (text.trim() === '') return {};
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new ApiError(400, 'malformed JSON string');
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw new ApiError(400, 'JSON body must be an object');
  return Object.fromEntries<Incoming>(Object.entries(parsed));
}

/** Multipart form data with at most one file, named `filename`. @throws {ApiError} 501 when it is malformed */
export function parseMultipart(body: Buffer, contentType: string): { fields: Fields; file?: UploadedFile } {
  const boundary = /boundary="?([^";]+)"?/.exec(contentType)?.[1];
  if (boundary === undefined) throw new ApiError(501, 'unable to parse multipart boundary');
  const fields: Fields = {};
  let file: UploadedFile | undefined;
  const mark = Buffer.from(`--${boundary}`);
  let at = body.indexOf(mark);
  while (at >= 0) {
    const start = at + mark.length;
    const next = body.indexOf(mark, start);
    if (next < 0) break;
    const part = body.subarray(start + 2, next - 2);
    const split = part.indexOf('\r\n\r\n');
    const head = part.subarray(0, split).toString('utf8');
    const value = part.subarray(split + 4);
    const name = /[; ]name="([^"]*)"/.exec(head)?.[1] ?? '';
    const filename = /filename="([^"]*)"/.exec(head)?.[1];
    if (filename === undefined) fields[name] = value.toString('utf8');
    else {
      file = {
        filename,
        size: value.length,
        bytes: value,
        digest: (algorithm) => createHash(algorithm).update(value).digest('hex'),
      };
      fields['filename'] = filename;
    }
    at = next;
  }
  return { fields, ...(file === undefined ? {} : { file }) };
}
