// A program that journals an intent, takes an effect (a file), and then waits to be killed before it has observed it.
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Journal } from './journal.ts';

const [folder = '', stage = ''] = process.argv.slice(2);
const journal = new Journal(join(folder, 'journal.db'), (error) => {
  throw error;
});
const bytes = new Uint8Array([1]);
const entry = {
  id: 'cmd_1',
  resourceKey: 'r',
  fence: 3,
  payload: bytes,
  payloadSha256: createHash('sha256').update(bytes).digest(),
  runTimeoutMs: 0,
  needsPermit: true,
  traceparent: '',
};
journal.accept(entry);
if (stage !== 'accepted') journal.permit('cmd_1', 1);
if (stage === 'intended' || stage === 'observed') {
  journal.intend('cmd_1', 'clone', { vmid: 100 });
  writeFileSync(join(folder, 'effect'), 'once');
}
if (stage === 'observed') journal.observe('cmd_1', 'clone', { upid: 'UPID:1' });
if (stage === 'ended') journal.end('cmd_1', (lsn) => new Uint8Array([lsn]));
process.stdout.write('here\n');
setInterval(() => undefined, 1000);
