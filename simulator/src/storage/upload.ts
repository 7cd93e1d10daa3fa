import { createHash } from 'node:crypto';
import { type Call, need, text } from '../call.ts';
import { ParameterError, RunError } from '../errors.ts';
import type { TaskRun } from '../task/task.ts';
import type { Storage } from './storage.ts';

const EXTENSIONS: Readonly<Record<string, RegExp>> = {
  iso: /^[^/]+\.(iso|img)$/i,
  vztmpl: /^[^/]+\.tar\.(gz|xz|zst|bz2)$/i,
  import: /^[^/]+\.(ova|ovf|qcow2|raw|vmdk)$/i,
};
const IMAGE_BYTES = 3 * 1024 ** 3;
/** Uploads up to this size are kept as they are. */
const KEPT_BYTES = 1024 ** 2;

function target(call: Call, filename: string): Storage {
  const storage = call.cluster.storages.onNode(need(call, 'storage'), call.node);
  const content = need(call, 'content');
  if (storage.path === undefined) throw new RunError("can't upload to storage type '" + storage.type + "'");
  if (!storage.content.includes(content))
    throw new RunError(`storage '${storage.storage}' is not configured for content-type '${content}'`);
  if (EXTENSIONS[content]?.test(filename) !== true) throw new ParameterError({ filename: 'wrong file extension' });
  return storage;
}

function format(filename: string): string {
  const extension = filename.split('.').pop() ?? '';
  return extension === 'qcow2' || extension === 'vmdk'
    ? extension
    : filename.includes('.tar.')
      ? extension
      : extension === 'iso'
        ? 'iso'
        : 'raw';
}

function store(call: Call, storage: Storage, filename: string, size: number, bytes?: Buffer): void {
  const { cluster, node } = call;
  const content = need(call, 'content');
  const volid = `${storage.storage}:${content}/${filename}`;
  cluster.storages.add(
    {
      volid,
      storage: storage.storage,
      content,
      format: content === 'iso' ? 'raw' : format(filename),
      size,
      used: Math.max(4096, size),
      ctime: cluster.seconds(),
      ...(bytes === undefined || size > KEPT_BYTES ? {} : { data: bytes.toString('base64') }),
    },
    node,
  );
  cluster.changed();
}

/** POST …/upload: the file has come with the request; a task files it. */
export function upload(call: Call): string {
  const { cluster, node, user } = call;
  const file = call.upload;
  if (file === undefined) throw new RunError('missing temporary file name');
  const filename = file.filename.replace(/^.*[/\\]/, '').replaceAll(/[^-a-zA-Z0-9_.]/g, '_');
  const storage = target(call, filename);
  const expected = text(call, 'checksum');
  const algorithm = text(call, 'checksum-algorithm');
  return cluster.tasks.fork(node, 'imgcopy', '', user, (run) => {
    run.say('starting file import from: /var/tmp/pveupload-0123456789abcdef');
    run.say(`target node: ${node}`);
    run.say(`target file: ${storage.path}/template/${need(call, 'content')}/${filename}`);
    run.say(`file size is: ${file.size}`);
    if (expected !== undefined && algorithm !== undefined && file.digest(algorithm) !== expected) {
      throw new RunError(`checksum mismatch: got '${file.digest(algorithm)}' != expect '${expected}'`);
    }
    store(call, storage, filename, file.size, file.bytes);
    run.say('finished file import successfully');
  });
}

/** The checksum that a "download" has: that of its own address, as there is nothing behind it. */
function checkDownload(call: Call, url: URL, run: TaskRun, existing: boolean): void {
  const algorithm = text(call, 'checksum-algorithm');
  const expected = text(call, 'checksum')?.toLowerCase();
  if (algorithm === undefined || expected === undefined) {
    if (existing) throw new RunError(`refusing to override existing file '${need(call, 'filename')}'`);
    return;
  }
  const got = createHash(algorithm).update(url.href).digest('hex');
  if (got === expected) {
    if (existing) run.say('OK, got correct file already, no need to download');
    return;
  }
  throw new RunError(
    existing
      ? `mismatch (got '${got}' != expect '${expected}'), aborting`
      : `checksum mismatch: got '${got}' != expect '${expected}'`,
  );
}

/** POST …/download-url: never leaves this machine; loopback addresses refuse, the rest "downloads" an image. */
export function downloadUrl(call: Call): string {
  const { cluster, node, user } = call;
  const filename = need(call, 'filename');
  const storage = target(call, filename);
  const url = new URL(need(call, 'url'));
  return cluster.tasks.fork(node, 'download', filename, user, async (run) => {
    run.say(`downloading ${url.href} to ${storage.path}/${need(call, 'content')}/${filename}`);
    const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
    if (/^(127\.|localhost$|\[::1\]$)/.test(url.hostname))
      throw new RunError(`download failed: Connecting to ${url.hostname}:${port}... failed: Connection refused.`);
    const volid = `${storage.storage}:${need(call, 'content')}/${filename}`;
    const existing = cluster.storages.volume(volid, node) !== undefined;
    checkDownload(call, url, run, existing);
    if (existing) return;
    await cluster.clock.sleep(cluster.timing.diskMs);
    store(call, storage, filename, IMAGE_BYTES);
    run.say(`download of '${url.href}' to '${filename}' finished`);
  });
}
