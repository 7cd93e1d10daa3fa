import { join } from 'node:path';
import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import {
  CommandOutputSchema,
  Effect,
  RevealOutputsSchema,
  type RevealOutputs,
  type SealedValue,
} from '@truffle/api/agent/v1/command';
import { canonicalAad, generateSealingKey, keyId, openOutput, seal } from '@truffle/sealing';
import { parseTemplateHere } from '@truffle/template-language';
import { expect, onTestFinished, test } from 'vitest';
import { DecodedFailure } from '../command/failure.ts';
import { Journal } from '../journal/journal.ts';
import { testFolder } from '../testing/folder.ts';
import { revealOutputs } from './reveal.ts';
import { openSecrets, parameterPurpose } from './secrets.ts';

const [agent, person] = await Promise.all([generateSealingKey(), generateSealingKey()]);
const here = { orgId: 'org_a', agentId: 'agt_a', clusterId: 'clu_a' };
const nonce = new Uint8Array(16).fill(3);
const now = 1_800_000_000;
const given = 'given-in-clear-91';

const source = (outputs: string) => `
apiVersion: truffle.dev/v1
kind: Template
metadata: { name: app, version: 1.0.0, title: App, summary: An app with secrets }
parameters:
  user: { type: string, default: ada }
  made: { type: string, secret: true, generate: { length: 24 } }
  given: { type: string, secret: true }
servers: { app: { count: 1, image: debian-12, cpu: 1, memory: 1GiB, disk: 8GiB } }
outputs:
  url: "http://\${{ servers.app[0].address }}/"
${outputs}
`;
const both = `
  dsn: { value: "db://\${{ params.user }}:\${{ params.made }}@\${{ servers.app[0].address }}", sensitive: true, description: Where it is }
  token: { value: "\${{ params.given }}", sensitive: true }`;

async function sealedGiven(notAfter: number): Promise<SealedValue> {
  const id = keyId(agent.publicKey);
  const secretId = 'prj_a/demo/given';
  const bound = { tenant: here.orgId, agent: here.agentId, secretId, version: 1, keyId: id, notAfter };
  const aad = canonicalAad({ ...bound, purpose: parameterPurpose });
  const sealed = await seal({ publicKey: agent.publicKey, plaintext: new TextEncoder().encode(given), aad });
  return {
    $typeName: 'truffle.agent.v1.SealedValue',
    name: 'given',
    keyId: id,
    sealed,
    version: 1,
    notAfter: BigInt(notAfter),
  };
}

/** An agent with a journal; `spec` is what it is asked. */
async function desk(outputs: string, notAfter = now + 60) {
  const journal = new Journal(join(testFolder(), 'journal.db'), (error) => {
    throw error;
  });
  onTestFinished(() => journal.close());
  const secrets = {
    agentId: here.agentId,
    sealingKeys: { [keyId(agent.publicKey)]: agent.privateKey },
    store: {
      generatedSecret: (...args: Parameters<Journal['generatedSecret']>) => journal.generatedSecret(...args),
      seeSealedVersion: (...args: Parameters<Journal['seeSealedVersion']>) => journal.seeSealedVersion(...args),
    },
    nowSeconds: () => now,
  };
  const parsed = parseTemplateHere(source(outputs));
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
  const init: MessageInitShape<typeof RevealOutputsSchema> = {
    clusterId: here.clusterId,
    orgId: here.orgId,
    recipientPublicKey: person.publicKey,
    nonce,
    templateJson: bytes(parsed.template),
    paramsJson: bytes({ user: 'ada' }),
    contextJson: bytes({
      cluster: { name: 'demo', id: here.clusterId },
      servers: [{ name: 'demo-app-0', role: 'app', index: 0, address: '10.0.0.7' }],
    }),
    secrets: [await sealedGiven(notAfter)],
    generated: [{ name: 'made', length: 24, charset: '' }],
    secretScope: 'prj_a/demo',
  };
  const spec: RevealOutputs = create(RevealOutputsSchema, init);
  const redacted: string[] = [];
  const run = { redact: (value: string) => void redacted.push(value) };
  return {
    deploy: async () => (await openSecrets(secrets, { ...spec, secrets: [] }))['made'] ?? '',
    reveal: () => revealOutputs({ secrets, sealingKey: agent.privateKey }, run, spec),
    redacted,
  };
}

async function opened(end: Awaited<ReturnType<typeof revealOutputs>>): Promise<Record<string, string>> {
  const revealed = end.output?.output;
  if (revealed?.case !== 'revealed') throw new Error('nothing was revealed');
  const keys = { recipient: person.privateKey, sender: agent.publicKey };
  const values = revealed.value.outputs.map(async ({ name, sealed }) => {
    const bound = { tenant: here.orgId, agent: here.agentId, cluster: here.clusterId, output: name, nonce };
    return [name, new TextDecoder().decode(await openOutput(keys, person.publicKey, sealed, bound))] as const;
  });
  return Object.fromEntries(await Promise.all(values));
}

const failureOf = async (running: Promise<unknown>): Promise<DecodedFailure> => {
  const thrown = await running.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (thrown instanceof DecodedFailure) return thrown;
  throw new Error('it did not fail as expected', { cause: thrown });
};

test('sensitive outputs are sealed to who asked, others are not sent, and what leaves holds nothing in clear', async () => {
  const { deploy, reveal, redacted } = await desk(both);
  const made = await deploy();
  const end = await reveal();
  expect(end.effect).toBe(Effect.NONE);
  expect(await opened(end)).toEqual({ dsn: `db://ada:${made}@10.0.0.7`, token: given });
  const sent = Buffer.from(toBinary(CommandOutputSchema, end.output!)).toString('latin1');
  expect(sent).toContain('Where it is');
  for (const value of [made, given, '10.0.0.7']) expect(sent).not.toContain(value);
  expect(redacted).toEqual(expect.arrayContaining([made, given, `db://ada:${made}@10.0.0.7`]));
});

test('a secret that was never made is not made to be told', async () => {
  const { deploy, reveal } = await desk(both);
  expect((await failureOf(reveal())).code).toBe('SECRET_NOT_MADE');
  const made = await deploy();
  expect((await opened(await reveal()))['dsn']).toContain(made);
});

test('a given secret that has expired stands in the way of those outputs only that read it', async () => {
  const reading = await desk(both, now - 1);
  await reading.deploy();
  expect((await failureOf(reading.reveal())).code).toBe('SECRET_EXPIRED');
  const other = await desk('  pass: { value: "${{ params.made }}", sensitive: true }', now - 1);
  const made = await other.deploy();
  expect(await opened(await other.reveal())).toEqual({ pass: made });
});

test('an expression that fails says where, and nothing of what it worked on', async () => {
  const { deploy, reveal } = await desk(
    '  odd: { value: "${{ params.made }}${{ servers.app[7].address }}", sensitive: true }',
  );
  const made = await deploy();
  const failure = await failureOf(reveal());
  expect(failure.code).toBe('OUTPUTS_NOT_EVALUATED');
  expect(failure.message).toContain('outputs.odd.value');
  expect(JSON.stringify(failure.facts)).not.toContain(made);
});
