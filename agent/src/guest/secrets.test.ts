import { canonicalAad, generateSealingKey, seal } from '@truffle/sealing';
import { expect, test } from 'vitest';
import { IdentityFolder, identityFiles } from '../identity/folder.ts';
import { SealingKeys, type OwnKey } from '../identity/sealing-keys.ts';
import { testFolder } from '../testing/folder.ts';
import { openSecrets, parameterPurpose, type SecretOpener } from './secrets.ts';

const scope = 'prj_1/cluster';

async function sealedTo({ keyId, publicKey }: OwnKey, version: number, value: string) {
  const aad = canonicalAad({
    tenant: 'org_1',
    agent: 'agt_1',
    secretId: `${scope}/password`,
    version,
    purpose: parameterPurpose,
    keyId,
    notAfter: 0,
  });
  const sealed = await seal({ publicKey, plaintext: new TextEncoder().encode(value), aad });
  return { $typeName: 'truffle.agent.v1.SealedValue', name: 'password', keyId, version, sealed, notAfter: 0n } as const;
}

async function agent() {
  const folder = testFolder();
  const first = await generateSealingKey();
  const hex = Buffer.concat([first.privateKey, first.publicKey]).toString('hex');
  new IdentityFolder(folder).write(identityFiles.sealingKey, hex);
  const keys = new SealingKeys(folder);
  const versions = new Map<string, number>();
  const opener: SecretOpener = {
    agentId: 'agt_1',
    get sealingKeys() {
      return keys.privateKeys;
    },
    store: {
      generatedSecret: () => '',
      seeSealedVersion: (id, version) => {
        const before = versions.get(id) ?? 0;
        versions.set(id, Math.max(before, version));
        return before;
      },
    },
    nowSeconds: () => 1_800_000_000,
  };
  const open = async (value: Awaited<ReturnType<typeof sealedTo>>) =>
    (
      await openSecrets(opener, {
        orgId: 'org_1',
        clusterId: 'clu_1',
        secretScope: scope,
        generated: [],
        secrets: [value],
      })
    )['password'];
  return { keys, open };
}

test('what was sealed to a key before, during and after its rotation opens, and no older version goes before a newer one', async () => {
  const { keys, open } = await agent();
  const former = keys.current;
  const inFlight = await sealedTo(former, 1, 'one');
  const next = await keys.prepare();
  // The control plane may publish it before its answer comes.
  expect(await open(await sealedTo(next, 1, 'early'))).toBe('early');
  keys.adopt(1_000);
  expect(keys.current).toEqual(next);
  expect(await open(inFlight)).toBe('one');
  expect(await open(await sealedTo(next, 2, 'two'))).toBe('two');
  await expect(open(inFlight)).rejects.toMatchObject({ code: 'SECRET_ROLLED_BACK' });
});

test('what is sealed to a key that was destroyed is refused by what it is', async () => {
  const { keys, open } = await agent();
  const late = await sealedTo(keys.current, 1, 'late');
  await keys.prepare();
  keys.adopt(0);
  expect(keys.destroyOld(35 * 86_400_000 + 1)).toEqual([late.keyId]);
  await expect(open(late)).rejects.toMatchObject({ code: 'SECRET_KEY_UNKNOWN' });
});
