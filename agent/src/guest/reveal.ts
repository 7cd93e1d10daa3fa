import { create } from '@bufbuild/protobuf';
import { CommandOutputSchema, Effect, Outcome, type RevealOutputs } from '@truffle/api/agent/v1/command';
import { sealOutput } from '@truffle/sealing';
import { evaluateOutputs, loadTemplate, type EvaluatedOutput, type Template } from '@truffle/template-language';
import type { CommandEnd, CommandRun } from '../command/effect.ts';
import { DecodedFailure } from '../command/failure.ts';
import { openSecrets, type SecretOpener } from './secrets.ts';

/** What outputs are revealed with. */
export interface RevealSite {
  readonly secrets: SecretOpener;
  /** The agent's private sealing key: what it seals is known by it. */
  readonly sealingKey: Uint8Array;
}

type Context = Parameters<typeof evaluateOutputs>[1];

/**
 * Evaluates the sensitive outputs of a cluster and seals each to the recipient, whom the site's policy has let in. Makes no secret and changes
 * nothing on the site. @throws DecodedFailure that says nothing of what was evaluated
 */
export async function revealOutputs(
  site: RevealSite,
  run: Pick<CommandRun, 'redact'>,
  spec: RevealOutputs,
): Promise<CommandEnd> {
  const loaded = loadTemplate(readJson(spec.templateJson));
  if (!loaded.ok) throw notEvaluated(loaded.problems);
  const { template } = loaded;
  const secrets = await openSecrets(site.secrets, whatIsRead(spec, template), () => {
    throw notMade();
  });
  for (const value of Object.values(secrets)) run.redact(value);
  const { cluster, servers } = readJson(spec.contextJson) as Omit<Context, 'params'>;
  const params = readJson(spec.paramsJson) as Context['params'];
  const evaluated = evaluateOutputs(template, { cluster, servers, params }, secrets);
  if (!evaluated.ok) throw notEvaluated(evaluated.problems);
  const sensitive = evaluated.outputs.filter((each) => each.sensitive);
  for (const { value = '' } of sensitive) run.redact(value);
  const outputs = await Promise.all(sensitive.map((each) => sealed(site, spec, each)));
  return {
    outcome: Outcome.SUCCEEDED,
    effect: Effect.NONE,
    output: create(CommandOutputSchema, { output: { case: 'revealed', value: { outputs } } }),
  };
}

async function sealed(site: RevealSite, spec: RevealOutputs, { name, description = '', value = '' }: EvaluatedOutput) {
  const bound = {
    tenant: spec.orgId,
    agent: site.secrets.agentId,
    cluster: spec.clusterId,
    output: name,
    nonce: spec.nonce,
  };
  const keys = { recipient: spec.recipientPublicKey, sender: site.sealingKey };
  return { name, description, sealed: await sealOutput(keys, new TextEncoder().encode(value), bound) };
}

/** Only the secrets that a sensitive output may speak of: one that has expired since is in nobody's way, and no other is opened. */
function whatIsRead(spec: RevealOutputs, template: Template): Parameters<typeof openSecrets>[1] {
  const texts = Object.values(template.outputs).flatMap((each) =>
    typeof each !== 'string' && each.sensitive === true ? [each.value] : [],
  );
  const isRead = ({ name }: { readonly name: string }): boolean => texts.some((text) => text.includes(name));
  return { ...spec, secrets: spec.secrets.filter(isRead), generated: spec.generated.filter(isRead) };
}

const readJson = (bytes: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(bytes));

/** Where it went wrong and not with what: the words of an expression's failure may quote a value. */
function notEvaluated(problems: readonly { readonly path: string; readonly code: string }[]): DecodedFailure {
  return new DecodedFailure({
    reason: 'OUTPUTS_NOT_EVALUATED',
    message: `The outputs can't be evaluated: ${problems.map(({ path, code }) => `${path} (${code})`).join(', ')}.`,
    cause: 'The template’s expression does not fit this cluster.',
    remedy: 'Mend the template’s outputs, then make the cluster from the new version.',
    effect: Effect.NONE,
  });
}

const notMade = (): DecodedFailure =>
  new DecodedFailure({
    reason: 'SECRET_NOT_MADE',
    message: 'A secret of the cluster was never made on this site.',
    cause: 'No deployment has used it yet, or the agent’s journal is a new one.',
    remedy: 'Deploy the cluster first; after a reset of the agent, the old value is only on the servers.',
    effect: Effect.NONE,
  });
