import type { ServerChannel } from 'ssh2';
import type { Guest } from './guest.ts';
import { runScript } from './shell/run.ts';

const LINE_LIMIT = 64 * 1024;

/** An interactive session: a prompt, one line at a time, each run by itself. `exit` or end of input ends it. */
export function interact(guest: Guest, user: string, stream: ServerChannel): void {
  const prompt = (): void => void stream.write(`${user}@${guest.hostname}:~${user === 'root' ? '#' : '$'} `);
  const terminal = (chunk: Buffer): string => chunk.toString('utf8').replaceAll(/\r?\n/g, '\r\n');
  let line = '';
  let last = 0;
  let busy: Promise<void> = Promise.resolve();

  const finish = (): void => {
    if (!stream.writable) return;
    stream.exit(last);
    stream.end();
  };
  const runLine = async (text: string): Promise<void> => {
    if (/^\s*(exit|logout)\b/.test(text)) return finish();
    if (text.trim() !== '') {
      last = await runScript(guest, text, {
        user,
        stdin: () => Promise.resolve(Buffer.alloc(0)),
        stdout: (chunk) => stream.write(terminal(chunk)),
        stderr: (chunk) => stream.write(terminal(chunk)),
      });
    }
    prompt();
  };
  const key = (character: string): void => {
    if (character === '\r' || character === '\n') {
      const text = line;
      line = '';
      stream.write('\r\n');
      busy = busy.then(() => runLine(text));
    } else if (character === '\u0003') {
      line = '';
      stream.write('^C\r\n');
      prompt();
    } else if (character === '\u0004') {
      if (line === '') busy = busy.then(finish);
    } else if (character === '\u007f' || character === '\b') {
      if (line !== '') stream.write('\b \b');
      line = line.slice(0, -1);
    } else if (character >= ' ' && line.length < LINE_LIMIT) {
      line += character;
      stream.write(character);
    }
  };

  stream.on('error', () => stream.close());
  stream.on('data', (chunk: Buffer) => {
    for (const character of chunk.toString('utf8')) key(character);
  });
  stream.on('end', () => {
    busy = busy.then(finish);
  });
  prompt();
}
