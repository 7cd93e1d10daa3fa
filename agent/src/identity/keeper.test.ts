import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { X509Certificate } from 'node:crypto';
import { generateSealingKey } from '@truffle/sealing';
import pino from 'pino';
import { beforeAll, describe, expect, test } from 'vitest';
import { testFolder } from '../testing/folder.ts';
import { newAuthority, type Authority } from '../testing/pki.ts';
import { VirtualClock } from '../testing/virtual-clock.ts';
import { IdentityFolder, identityFiles, pairFiles } from './folder.ts';
import { readIdentity, type Identity } from './identity.ts';
import { CertificateKeeper, CertificateRefused } from './keeper.ts';
import { dueAt, retryMs } from './schedule.ts';

const hourMs = 3_600_000;
let authority: Authority;
beforeAll(async () => {
  authority = await newAuthority();
});

interface Desk {
  readonly folder: string;
  readonly clock: VirtualClock;
  /** Requests with the serial that was shown with them, and those at the origin. */
  readonly asked: string[];
  readonly moves: string[][];
  /** What is being asked. */
  readonly working: Promise<unknown>[];
  /** How the next ones go: lost before or after the certificate was made, refused, or well. */
  fail: ('before' | 'after' | 'refused' | 'well')[];
  keeper: CertificateKeeper;
  /** How wrong the agent's clock is. */
  skewMs: number;
  restart(): void;
}

const serialOf = (pem: string): string => new X509Certificate(pem).serialNumber.toLowerCase();
const identityOf = (folder: string): Identity => {
  const identity = readIdentity(folder);
  if (identity === undefined) throw new Error('there is no identity');
  return identity;
};

/** An enrolled agent whose certificate of a day was made at the clock's beginning, and who gives it the next ones. */
async function newDesk(): Promise<Desk> {
  const clock = new VirtualClock();
  const folder = testFolder();
  const files = new IdentityFolder(folder);
  const own = await authority.issue('agt_1', clock.wall(), clock.wall() + 24 * hourMs);
  const sealing = await generateSealingKey();
  files.write(pairFiles(0).key, own.key);
  files.write(identityFiles.sealingKey, Buffer.concat([sealing.privateKey, sealing.publicKey]).toString('hex'));
  files.write(pairFiles(0).certificate, own.certificate);
  files.write(pairFiles(0).authorities, authority.certificate);
  const agent = {
    agentId: 'agt_1',
    orgId: 'org_1',
    endpoints: ['a:1'],
    serverName: 'gateway.test',
    server: 'http://x',
  };
  files.write(identityFiles.agent, JSON.stringify(agent));
  const issued = new Map<string, { readonly certificate: Uint8Array<ArrayBuffer>; readonly at: number }>();
  const issue = (csr: Uint8Array<ArrayBuffer>) => {
    const work = answer(csr);
    desk.working.push(work);
    return work;
  };
  const answer = async (csr: Uint8Array<ArrayBuffer>) => {
    const failure = desk.fail.shift();
    if (failure === 'refused') throw new CertificateRefused('no');
    if (failure === 'before') throw new Error('lost');
    const id = Buffer.from(csr).toString('hex');
    const at = clock.wall();
    const known = issued.get(id);
    // As the gateway: the same again, unless an eighth of its life has passed.
    const same = known !== undefined && at - known.at < 3 * hourMs ? known : undefined;
    const certificate = same?.certificate ?? (await authority.sign(csr, 'agt_1', at, at + 24 * hourMs));
    if (same === undefined) issued.set(id, { certificate, at });
    if (failure === 'after') throw new Error('lost');
    return { certificate, authorities: [authority.der] };
  };
  const start = (): CertificateKeeper => {
    const keeper = new CertificateKeeper({
      dataFolder: folder,
      identity: identityOf(folder),
      clock: {
        now: () => clock.now(),
        wall: () => clock.wall() + desk.skewMs,
        after: (ms, act) => clock.after(ms, act),
      },
      random: () => 0.5,
      log: pino({ level: 'silent' }),
      renew: async (credentials, csr) => {
        desk.asked.push(`renew with ${serialOf(credentials.certificate)}`);
        // By the gateway's clock.
        if (new X509Certificate(credentials.certificate).validToDate.getTime() <= clock.wall())
          throw new Error('no handshake');
        return issue(csr);
      },
      recover: async (_, csr) => {
        desk.asked.push('recover');
        return { ...(await issue(csr)), endpoints: ['b:2'] };
      },
      renewed: (endpoints) => desk.moves.push([...endpoints]),
    });
    keeper.start();
    return keeper;
  };
  const desk: Desk = {
    folder,
    clock,
    asked: [],
    moves: [],
    working: [],
    fail: [],
    skewMs: 0,
    keeper: undefined as unknown as CertificateKeeper,
    restart: () => {
      void desk.keeper.stop();
      desk.keeper = start();
    },
  };
  desk.keeper = start();
  return desk;
}

/** Time goes by in steps, and what is asked of the outside settles after each. */
async function pass(desk: Desk, hours: number): Promise<void> {
  const stepMs = 600_000;
  for (let left = hours * hourMs; left > 0; left -= stepMs) {
    await desk.clock.pass(Math.min(left, stepMs));
    while (desk.working.length > 0) {
      await Promise.allSettled(desk.working.splice(0));
      await new Promise(setImmediate);
    }
  }
}
const filesOf = (desk: Desk): string[] => readdirSync(join(desk.folder, 'identity')).sort();

describe('a certificate', () => {
  test('is due at two thirds of its life, give or take a tenth, and when it has ended at once', () => {
    const certificate = { certificateFrom: new Date(0), certificateEnds: new Date(24 * hourMs) };
    expect(dueAt(certificate, 0, 0)).toEqual({ kind: 'renew', at: 16 * hourMs * 0.9 });
    expect(dueAt(certificate, 0, 0.5)).toEqual({ kind: 'renew', at: 16 * hourMs });
    expect(dueAt(certificate, 20 * hourMs, 1).at).toBeCloseTo(16 * hourMs * 1.1);
    expect(dueAt(certificate, 24 * hourMs, 0.5)).toEqual({ kind: 'recover', at: 24 * hourMs });
    // Counted from when it came, by a clock that is days late or early; at once where that was set back.
    for (const certifiedAt of [-72 * hourMs, 72 * hourMs]) {
      const now = certifiedAt + hourMs;
      expect(dueAt({ ...certificate, certifiedAt }, now, 0.5)).toEqual({
        kind: 'renew',
        at: certifiedAt + 16 * hourMs,
      });
      expect(dueAt({ ...certificate, certifiedAt }, certifiedAt + 24 * hourMs, 0.5).kind).toBe('recover');
      const back = now - 48 * hourMs;
      expect(dueAt({ ...certificate, certifiedAt }, back, 0.5)).toEqual({ kind: 'renew', at: back });
    }
    for (let failures = 0; failures < 50; failures++) {
      expect(retryMs(failures, false, () => 1)).toBeLessThanOrEqual(300_000);
      expect(retryMs(failures, true, () => 1)).toBeLessThanOrEqual(3_600_000);
    }
  });

  test('is renewed in time, tried before it counts, and the former pair is gone only then', async () => {
    const desk = await newDesk();
    const before = serialOf(desk.keeper.credentials().certificate);
    await pass(desk, 15);
    expect(desk.asked).toEqual([]);
    await pass(desk, 2);
    const after = serialOf(desk.keeper.credentials().certificate);
    expect(after).not.toBe(before);
    expect(desk.asked).toEqual([`renew with ${before}`, `renew with ${after}`]);
    expect(desk.moves).toEqual([[]]);
    expect(identityOf(desk.folder)).toMatchObject({ pair: 1, server: 'http://x', endpoints: ['a:1'] });
    expect(filesOf(desk).filter((name) => /mtls|certificate|request|authorities/.test(name))).toEqual([
      'authorities.1.pem',
      'certificate.1.pem',
      'mtls.1.key.pem',
    ]);
    await pass(desk, 24 * 3);
    expect(identityOf(desk.folder).pair).toBe(5);
    expect(desk.asked.filter((each) => each === 'recover')).toEqual([]);
    await desk.keeper.stop();
  });

  test('is the same after lost answers', async () => {
    const desk = await newDesk();
    const before = serialOf(desk.keeper.credentials().certificate);
    desk.fail = ['after', 'before', 'after'];
    await pass(desk, 17);
    const after = serialOf(desk.keeper.credentials().certificate);
    expect(desk.asked).toEqual([...Array.from({ length: 4 }, () => `renew with ${before}`), `renew with ${after}`]);
    expect(identityOf(desk.folder).pair).toBe(1);
    await desk.keeper.stop();
  });

  test('is on disk and not tried after a crash: the former one counts, and the next start tries it', async () => {
    const desk = await newDesk();
    const before = serialOf(desk.keeper.credentials().certificate);
    desk.fail = ['well', 'before'];
    await pass(desk, 16);
    expect(desk.asked).toHaveLength(2);
    expect(filesOf(desk)).toEqual(expect.arrayContaining(['certificate.pem', 'certificate.1.pem']));
    desk.restart();
    expect(serialOf(desk.keeper.credentials().certificate)).toBe(before);
    await pass(desk, 1);
    expect(desk.asked).toHaveLength(3);
    expect(identityOf(desk.folder).pair).toBe(1);
    expect(filesOf(desk)).not.toContain('certificate.pem');
    await desk.keeper.stop();
  });

  test('that lay on disk for hours gives way to the younger one that its trial is answered with', async () => {
    const desk = await newDesk();
    desk.fail = ['well', 'before'];
    await pass(desk, 16);
    await desk.keeper.stop();
    await desk.clock.pass(6 * hourMs);
    const woken = desk.clock.wall();
    desk.restart();
    await pass(desk, 1);
    const { pair, certificateFrom } = identityOf(desk.folder);
    expect(pair).toBe(1);
    expect(certificateFrom.getTime()).toBeGreaterThanOrEqual(woken - 1_000);
    expect(desk.asked.at(-1)).toBe(`renew with ${serialOf(desk.keeper.credentials().certificate)}`);
    await desk.keeper.stop();
  });

  test('that is good is renewed soon though a clock that jumped ahead had its recovery refused', async () => {
    const desk = await newDesk();
    await pass(desk, 1);
    desk.skewMs = 50 * hourMs;
    desk.fail = Array.from({ length: 10 }, () => ['before', 'refused'] as const).flat();
    desk.restart();
    await pass(desk, 2);
    expect(desk.fail).toEqual([]);
    expect(identityOf(desk.folder).pair).toBe(1);
    await desk.keeper.stop();
  });

  test('that is refused at its trial is dropped, and the present one goes on', async () => {
    const desk = await newDesk();
    const before = serialOf(desk.keeper.credentials().certificate);
    desk.fail = ['well', 'refused'];
    await pass(desk, 16);
    expect(desk.asked).toHaveLength(2);
    expect(serialOf(desk.keeper.credentials().certificate)).toBe(before);
    expect(filesOf(desk)).not.toContain('mtls.1.key.pem');
    await pass(desk, 1);
    expect(identityOf(desk.folder).pair).toBe(1);
    await desk.keeper.stop();
  });

  test('that has ended is recovered, at start and by the word of the gateway about this one; then the agent dials where it is told', async () => {
    const desk = await newDesk();
    await desk.keeper.stop();
    await desk.clock.pass(50 * hourMs);
    desk.fail = ['refused', 'before'];
    desk.restart();
    await pass(desk, 4);
    expect(desk.asked.filter((each) => each === 'recover')).toHaveLength(3);
    expect(desk.asked).toHaveLength(6);
    desk.asked.length = 0;
    expect(identityOf(desk.folder)).toMatchObject({ pair: 1, endpoints: ['b:2'] });
    expect(desk.moves).toEqual([['b:2']]);
    desk.keeper.certificateEnded(0);
    await pass(desk, 0.5);
    expect(desk.asked).toEqual([]);
    desk.restart();
    desk.keeper.certificateEnded(desk.clock.now());
    await pass(desk, 0.5);
    expect(desk.asked).toEqual(['recover']);
    expect(identityOf(desk.folder).pair).toBe(2);
    await desk.keeper.stop();
  });

  test('that has ended is recovered though the clock was set back, within the life of one', async () => {
    const desk = await newDesk();
    await desk.keeper.stop();
    await desk.clock.pass(50 * hourMs);
    desk.skewMs = -2_000 * hourMs;
    desk.restart();
    for (let i = 0; i < 23; i++) {
      // As the watchdog does.
      desk.restart();
      await pass(desk, 1);
    }
    expect(desk.asked).not.toContain('recover');
    await pass(desk, 2);
    expect(desk.asked.filter((each) => each === 'recover')).toHaveLength(1);
    expect(identityOf(desk.folder).pair).toBe(1);
    await pass(desk, 40);
    expect(desk.asked.filter((each) => each === 'recover')).toHaveLength(1);
    await desk.keeper.stop();
  });

  test('is renewed with a clock that is wrong, and recovers by none', async () => {
    const desk = await newDesk();
    await desk.keeper.stop();
    for (const hours of [72, -72, 20]) {
      desk.skewMs = hours * hourMs;
      desk.restart();
      await pass(desk, 40);
    }
    expect(desk.asked.filter((each) => each === 'recover')).toEqual([]);
    expect(identityOf(desk.folder).pair).toBeGreaterThanOrEqual(6);
    expect(desk.moves.every((endpoints) => endpoints.length === 0)).toBe(true);
    await desk.keeper.stop();
  });
});
