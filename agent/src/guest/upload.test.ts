import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RenderedFile } from '@truffle/template-language';
import { describe, expect, it, onTestFinished } from 'vitest';
import { filesScript, readFilesOutcome, uploadFrom, type Uploads } from './file-script.ts';
import { GuestUnreachable } from './reach.ts';
import { GuestSession } from './session.ts';
import { noSshd, startSshd, type Sshd } from './sshd.fixture.ts';
import { UploadRefused } from './upload.ts';

const signal = AbortSignal.timeout(60_000);

function place(): { readonly folder: string; readonly file: (content: string) => RenderedFile } {
  const folder = mkdtempSync(join(tmpdir(), 'truffle-upload-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'deep', 'large file.bin');
  return { folder, file: (content) => ({ path, content, mode: '0640', owner: 'root:root' }) };
}

const open = ({ access }: Sshd): GuestSession => {
  const session = new GuestSession(access, 'srv_a', '127.0.0.1');
  onTestFinished(() => session.close());
  return session;
};

async function write(session: GuestSession, file: RenderedFile, uploads: Uploads) {
  const { stdout, stderr } = await session.script(filesScript('app', [file], [], uploads), signal);
  return { ...readFilesOutcome(stdout, [file]), stderr };
}

const large = (bytes = uploadFrom + 1): string => randomBytes(bytes).toString('base64').slice(0, bytes);

describe.skipIf(noSshd !== undefined)(
  `files by SFTP, to OpenSSH's server${noSshd === undefined ? '' : ` (${noSshd})`}`,
  () => {
    it('large ones are uploaded only when they are not in place, and nothing is left beside them', async () => {
      await using sshd = await startSshd();
      const { folder, file } = place();
      const session = open(sshd);
      const one = file(large(3_000_001));
      expect((await write(session, one, new Map())).wanted).toEqual([0]);
      const uploaded = await session.upload(Buffer.from(one.content), signal);
      expect(statSync(uploaded ?? '').mode & 0o777).toBe(0o600);
      const outcome = await write(session, one, new Map([[0, uploaded ?? '']]));
      expect(outcome).toMatchObject({ changed: [one.path], failed: undefined });
      expect(readFileSync(one.path, 'utf8')).toBe(one.content);
      expect(statSync(one.path).mode & 0o777).toBe(0o640);
      expect([readdirSync(sshd.home), readdirSync(join(folder, 'deep'))]).toEqual([[], ['large file.bin']]);
      expect(await write(session, one, new Map())).toMatchObject({ wanted: [], changed: [] });
    });

    it('what arrives otherwise than it was sent is not put in place', async () => {
      await using sshd = await startSshd();
      const { folder, file } = place();
      const session = open(sshd);
      const one = file(large());
      const uploaded = (await session.upload(Buffer.from(one.content), signal)) ?? '';
      writeFileSync(uploaded, 'something else');
      const outcome = await write(session, one, new Map([[0, uploaded]]));
      expect(outcome).toMatchObject({ failed: one.path, stderr: expect.stringContaining('not what was sent') });
      expect([readdirSync(sshd.home), readdirSync(join(folder, 'deep'))]).toEqual([[], []]);
    });

    it('a broken connection begins the upload again, and one that breaks each time is told', async () => {
      await using sshd = await startSshd();
      const session = open(sshd);
      const content = Buffer.from(large(4_000_000));
      await session.script('true', signal);
      sshd.cutAfter(1_000_000);
      const cut = session.upload(content, signal);
      await expect(cut).rejects.toThrow(GuestUnreachable);
      sshd.cutAfter(undefined);
      const uploaded = await session.upload(content, signal);
      expect(readFileSync(uploaded ?? '').equals(content)).toBe(true);
    });

    it('a full disk is said to be one', async (context) => {
      const home = mkdtempSync(join(tmpdir(), 'truffle-full-'));
      onTestFinished(() => {
        spawnSync('umount', ['-l', home], { stdio: 'ignore' });
        rmSync(home, { recursive: true, force: true });
      });
      mkdirSync(home, { recursive: true });
      if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', home]).status !== 0)
        return context.skip('the small file system that a full disk needs cannot be mounted here');
      await using sshd = await startSshd({ home });
      await expect(open(sshd).upload(Buffer.from(large(2_000_000)), signal)).rejects.toThrow(UploadRefused);
    });

    it('a server without SFTP is known by its refusal', async () => {
      await using sshd = await startSshd({ sftp: false });
      const session = open(sshd);
      const { file } = place();
      const one = file(large());
      expect(await session.upload(Buffer.from(one.content), signal)).toBeUndefined();
      expect(await write(session, one, 'inline')).toMatchObject({ changed: [one.path] });
      expect(readFileSync(one.path, 'utf8')).toBe(one.content);
    });
  },
);
