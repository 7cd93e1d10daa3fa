import type { JsonObject } from '@bufbuild/protobuf';
import { PlanSchema, type Cluster, type Plan } from '@truffle/api/orchestration/v1/cluster';
import { OperationState, type Operation } from '@truffle/api/orchestration/v1/operation';
import type { Template } from '@truffle/template-language';
import type { Handler } from '../command.ts';
import { keyed } from '../connection/connection.ts';
import { InterruptedError, UsageError } from '../failure/cli-error.ts';
import type { Invocation } from '../invocation.ts';
import { readInput } from '../invoke.ts';
import { findAgent, findVersion, listClusters, present } from '../lookup/find.ts';
import { followOperation, OperationFailedError } from '../operation/operation.follow.ts';
import type { WaitFlags } from '../operation/wait.options.ts';
import { asJson } from '../output/output.ts';
import { askSecret, askYes } from '../prompt/prompt.ts';
import type { Session } from '../session.ts';
import {
  checkParameters,
  missingSecrets,
  readParameters,
  type GivenParameters,
  type ParameterFlags,
} from './cluster.parameters.ts';
import { canBeDone, PlanRefusedError, planText } from './cluster.plan.ts';
import { sealSecrets, type Sealed } from './cluster.seal.ts';
import { trustAtFirstUse } from './cluster.trust.ts';
import { clusterView } from './cluster.view.ts';

interface SpecFlags extends ParameterFlags {
  readonly template?: string;
  readonly agent?: string;
}

interface CreateFlags extends SpecFlags, WaitFlags {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

/** A cluster that is wanted, checked here and with its secrets sealed. */
interface Draft {
  readonly projectId: string;
  readonly spec: {
    readonly name: string;
    readonly agentId: string;
    readonly templateVersionId: string;
    readonly parameters: JsonObject;
    readonly secrets: Sealed[];
  };
}

/** `truffle cluster plan` */
export const planCluster: Handler<SpecFlags> = async (cli, [name], flags) => {
  const session = await cli.session();
  await showPlan(cli, await readPlan(session, await draft(cli, session, name, flags)));
};

/** `truffle cluster create` */
export const createCluster: Handler<CreateFlags> = async (cli, [name], flags) => {
  const session = await cli.session();
  const wanted = await draft(cli, session, name, flags);
  const plan = await readPlan(session, wanted);
  if (flags.dryRun === true) return showPlan(cli, plan);
  cli.notes.say(planText(plan));
  for (const warning of plan.warnings) cli.notes.warn(warning);
  if (!canBeDone(plan)) throw new PlanRefusedError(plan);
  if (flags.yes !== true && cli.interactive && !(await askYes(cli, `Make the cluster ${wanted.spec.name}?`)))
    throw new InterruptedError('nothing was made', ['repeat the command, or use --yes']);
  const answer = await session.api.clusters.createCluster(wanted, keyed());
  const cluster = present(answer.cluster);
  const operation = present(answer.operation);
  if (flags.wait !== true && flags.watch !== true) {
    await cli.out.one(clusterView, cluster);
    return cli.notes.say(`watch it: truffle operation watch ${operation.id}`);
  }
  await cli.out.one(clusterView, await waitFor(cli, session, cluster, operation, flags.watch === true));
};

async function waitFor(
  cli: Invocation,
  session: Session,
  cluster: Cluster,
  operation: Operation,
  logs: boolean,
): Promise<Cluster> {
  const ended = await followOperation(cli, session, operation, { logs });
  if (ended.state !== OperationState.SUCCEEDED) throw new OperationFailedError(ended);
  return present((await session.api.clusters.getCluster({ clusterId: cluster.id })).cluster);
}

async function readPlan(session: Session, wanted: Draft): Promise<Plan> {
  return present((await session.api.clusters.planCluster(wanted)).plan);
}

async function showPlan(cli: Invocation, plan: Plan): Promise<void> {
  await cli.out.plain(await asJson(PlanSchema, plan), planText(plan), plan.actions.map((each) => each.name).join('\n'));
  for (const warning of plan.warnings) cli.notes.warn(warning);
  if (!canBeDone(plan)) throw new PlanRefusedError(plan);
}

async function draft(cli: Invocation, session: Session, name: string | undefined, flags: SpecFlags): Promise<Draft> {
  if (flags.template === undefined)
    throw new UsageError('which template?', { next: ['--template NAME', 'truffle template list'] });
  const [version, agent, language] = await Promise.all([
    findVersion(session, flags.template),
    findAgent(session, flags.agent),
    import('@truffle/template-language'),
  ]);
  const parsed = language.parseTemplateHere(version.source);
  if (!parsed.ok)
    throw new UsageError(`the template ${flags.template} is not valid`, {
      details: parsed.problems.map((each) => `${each.line}:${each.column} ${each.message}`),
      next: ['choose another version: truffle template versions'],
    });
  const given = await withPrompts(
    cli,
    parsed.template,
    readParameters(language, parsed.template, flags, readInput),
    language,
  );
  checkParameters(language, parsed.template, given);
  const [projectId, clusterName] = await Promise.all([
    session.projectId(),
    name ?? freeName(session, parsed.template.metadata.name),
  ]);
  if (Object.keys(given.secret).length > 0) await trustAtFirstUse(cli, session, agent);
  const secrets = await sealSecrets(given.secret, { agent, projectId, clusterName, now: cli.now() });
  return {
    projectId,
    spec: {
      name: clusterName,
      agentId: agent.id,
      templateVersionId: version.id,
      parameters: { ...given.plain } as JsonObject,
      secrets,
    },
  };
}

/** Asks for secrets that nobody gave and the site can't make; warns of those that others could read. */
async function withPrompts(
  cli: Invocation,
  template: Template,
  given: GivenParameters,
  language: Parameters<typeof checkParameters>[0],
): Promise<GivenParameters> {
  for (const name of given.exposed)
    cli.notes.warn(`${name} is secret, and command lines can be read by others: use --secret-file ${name}=PATH`);
  const secret: Record<string, string> = { ...given.secret };
  if (cli.interactive)
    for (const name of missingSecrets(template, given)) {
      const value = await askSecret(cli, template.parameters[name]?.title ?? name, `--secret-file ${name}=PATH`);
      Object.assign(secret, readParameters(language, template, { secretFile: [`${name}=-`] }, () => value).secret);
    }
  return { ...given, secret };
}

/** The template's name, or the first of `name-2`, `name-3`, … that no cluster has. */
async function freeName(session: Session, base: string): Promise<string> {
  const taken = new Set((await listClusters(session)).map((each) => each.name));
  if (!taken.has(base)) return base;
  for (let count = 2; ; count++) if (!taken.has(`${base}-${count}`)) return `${base}-${count}`;
}
