import { Command, Option } from 'commander';
import { noun, verb, type Runner } from './command.ts';
import { accountVerbs, contextVerbs, apiKeyVerbs, memberVerbs } from './account/account.command.ts';
import { accessVerbs } from './access/access.command.ts';
import { groupVerbs } from './group/group.command.ts';
import { roleVerbs } from './role/role.command.ts';
import { serviceAccountVerbs } from './service-account/service-account.command.ts';
import { agentJoinTokenVerbs, agentRolloutVerbs, agentVerbs } from './agent/agent.command.ts';
import { allowlistVerbs } from './allowlist/allowlist.command.ts';
import { auditVerbs } from './audit/audit.command.ts';
import { auditStreamVerbs } from './audit/audit-stream.command.ts';
import { billingVerbs } from './billing/billing.command.ts';
import { clusterVerbs } from './cluster/cluster.command.ts';
import { completionVerbs } from './completion/completion.command.ts';
import { eventVerbs } from './event/event.command.ts';
import { keyVerbs } from './key/key.command.ts';
import { logVerbs } from './log/log.command.ts';
import { identityVerbs } from './identity/identity.command.ts';
import { impersonationVerbs } from './impersonation/impersonation.command.ts';
import { invitationVerbs } from './invitation/invitation.command.ts';
import { operationVerbs } from './operation/operation.command.ts';
import { formats } from './output/format.ts';
import { personVerbs } from './person/person.command.ts';
import { serverVerbs } from './server/server.command.ts';
import { sessionVerbs } from './session/session.command.ts';
import { ssoVerbs } from './sso/sso.command.ts';
import { templateVerbs } from './template/template.command.ts';
import { orgVerbs, projectVerbs, workspaceVerbs } from './tenancy/tenancy.command.ts';
import { trustVerbs } from './trust/trust.command.ts';
import { version } from './version.ts';

const about = `Clusters of virtual machines from templates, on hypervisors you already have.`;

const after = `
Examples:
  $ truffle login
  $ truffle template list
  $ truffle cluster create hello --template static-site --wait
  $ truffle logs hello --follow

Where commands go and as whom: a flag before the environment (TRUFFLE_ENDPOINT, TRUFFLE_TOKEN, TRUFFLE_TOKEN_FILE,
TRUFFLE_ORG, TRUFFLE_PROJECT, TRUFFLE_CONTEXT) before the folder's .truffle/context.json before the config of
"truffle login". See: truffle context show

Exit codes: 0 ok, 1 failure, 2 usage, 4 not signed in, 5 not found, 6 conflict, 7 quota, 124 time-out, 130 interrupted`;

/** The whole command line. */
export function buildProgram(run: Runner): Command {
  const program = new Command('truffle')
    .description(about)
    .version(version, '-V, --version', 'print the version')
    .addHelpText('after', after);
  addGlobals(program);
  program.helpCommand('help [command]', 'print the help of a command');
  program.addCommand(noun('cluster', 'Make, watch and delete clusters.', clusterVerbs, run));
  program.addCommand(noun('server', 'Read and change the servers (VMs) of clusters.', serverVerbs, run));
  program.addCommand(noun('operation', 'Follow, cancel, retry and undo long actions.', operationVerbs, run, 'op'));
  for (const each of logVerbs) program.addCommand(verb(each, run));
  program.addCommand(noun('template', 'Read, check and store templates.', templateVerbs, run));
  const agent = noun('agent', 'Connect sites and see how they are.', agentVerbs, run);
  agent.addCommand(noun('rollout', 'Versions of the agent on their way to sites.', agentRolloutVerbs, run));
  agent.addCommand(noun('join-token', 'Tokens that connect a new site.', agentJoinTokenVerbs, run));
  program.addCommand(agent);
  program.addCommand(noun('org', 'Read and make organizations.', orgVerbs, run, 'organization'));
  program.addCommand(noun('workspace', 'Read, make and delete workspaces.', workspaceVerbs, run));
  program.addCommand(noun('project', 'Read, make and delete projects.', projectVerbs, run));
  program.addCommand(noun('member', 'Say who may do what, where.', memberVerbs, run));
  program.addCommand(noun('allowlist', 'Say which addresses the organization is used from.', allowlistVerbs, run));
  program.addCommand(noun('invitation', 'Invite people.', invitationVerbs, run));
  program.addCommand(noun('account', 'Your own account: address, password, second factors.', personVerbs, run));
  program.addCommand(noun('session', 'Where you are signed in.', sessionVerbs, run));
  program.addCommand(noun('identity', 'Providers that you sign in by.', identityVerbs, run));
  program.addCommand(noun('impersonation', 'Act as a member of your organization.', impersonationVerbs, run));
  program.addCommand(noun('role', "Roles of the organization's own, made of permissions.", roleVerbs, run));
  program.addCommand(noun('group', 'People and service accounts that are given roles together.', groupVerbs, run));
  program.addCommand(noun('access', 'Ask who may do what, and why.', accessVerbs, run));
  program.addCommand(noun('service-account', 'Accounts of programs.', serviceAccountVerbs, run));
  program.addCommand(noun('api-key', 'Keys that programs sign in with.', apiKeyVerbs, run));
  program.addCommand(noun('sso', "Sign-in by your organization's OpenID provider.", ssoVerbs, run));
  program.addCommand(noun('trust', 'Tokens for workloads of issuers that you trust, e.g. CI.', trustVerbs, run));
  program.addCommand(noun('key', 'Your own key, which sites seal sensitive outputs to.', keyVerbs, run));
  program.addCommand(noun('event', 'What happened, also live.', eventVerbs, run));
  const audit = noun('audit', 'Search, export and prove the audit trail.', auditVerbs, run);
  audit.addCommand(noun('stream', 'Send the audit trail to a system of your own (SIEM).', auditStreamVerbs, run));
  program.addCommand(audit);
  for (const each of [...billingVerbs, ...accountVerbs]) program.addCommand(verb(each, run));
  program.addCommand(noun('context', 'Where commands go and as whom.', contextVerbs, run));
  for (const each of completionVerbs(program))
    program.addCommand(verb(each, run), { hidden: each.usage.startsWith('__') });
  settle(program);
  return program;
}

function addGlobals(program: Command): void {
  program
    .addOption(new Option('-o, --output <format>', 'how data is printed').choices(formats).default('table'))
    .option('-q, --quiet', 'print data and errors only')
    .option('--no-input', 'never ask; fail where an answer is needed')
    .option('--timeout <duration>', 'give up after this long, e.g. 30s or 10m (exit code 124)')
    .option('--endpoint <url>', 'control plane to talk to')
    .option('--org <name>', 'organization to work in, by name or id')
    .option('--project <name>', 'project to work in, by name or id')
    .option('--context <name>', 'context of the config to use')
    .option('--token-file <path>', 'file with an API key or session token; - for standard input');
}

/** What all commands share: errors that end with what to do, help that lists the options of the program too. */
function settle(command: Command, path = 'truffle'): void {
  command
    .exitOverride()
    .showHelpAfterError(`next: ${path} --help`)
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .helpOption('-h, --help', 'print this help');
  for (const each of command.commands) settle(each, `${path} ${each.name()}`);
}
