import { type Call, need, text } from '../call.ts';
import { ParameterError, RunError } from '../errors.ts';
import type { Storage } from './storage.ts';

const EXTENSIONS: Readonly<Record<string, RegExp>> = {
  iso: /^[^/]+\.(iso|img)$/i,
  vztmpl: /^[^/]+\.tar\.(gz|xz|zst|bz2)$/i,
  import: /^[^/]+\.(ova|ovf|qcow2|raw|vmdk)$/i,
};
const IMAGE_BYTES = 3 * 1024 ** 3;

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

function store(call: Call, storage: Storage, filename: string, size: number): void {
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
    store(call, storage, filename, file.size);
    run.say('finished file import successfully');
  });
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
    await cluster.clock.sleep(cluster.timing.diskMs);
    store(call, storage, filename, IMAGE_BYTES);
    run.say(`download of '${url.href}' to '${filename}' finished`);
  });
}
