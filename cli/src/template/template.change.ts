import type { Handler } from '../command.ts';
import { CliError, exitCodes } from '../failure/cli-error.ts';
import { readInput } from '../invoke.ts';
import { findTemplate, present } from '../lookup/find.ts';
import { demandName } from '../prompt/prompt.ts';
import { versionView } from './template.view.ts';

interface FileProblem {
  readonly code: string;
  readonly path: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
  readonly expected?: string;
}

/** A template's source does not hold. */
export class InvalidTemplateError extends CliError {
  override readonly name = 'InvalidTemplateError';
  constructor(file: string, problems: readonly FileProblem[]) {
    super(
      exitCodes.failure,
      'INVALID_TEMPLATE',
      `${file} has ${problems.length} problem${problems.length === 1 ? '' : 's'}`,
      {
        details: problems.map(
          (each) =>
            `${file}:${each.line}:${each.column} ${each.path === '' ? '' : `${each.path}: `}${each.message}${each.expected ? ` (expected ${each.expected})` : ''} [${each.code}]`,
        ),
        next: [`correct them, then: truffle template validate ${file}`],
      },
    );
  }
}

export const validate: Handler = async (cli, [file = '']) => {
  const { parseTemplate } = await import('@truffle/template-language');
  const result = await parseTemplate(readInput(file, 'FILE'));
  const { problems, digest, name } = result.ok
    ? {
        problems: [],
        digest: result.digest,
        name: `${result.template.metadata.name}@${result.template.metadata.version}`,
      }
    : { problems: result.problems, digest: '', name: '' };
  if (result.ok || cli.out.format === 'json' || cli.out.format === 'yaml')
    await cli.out.plain({ valid: result.ok, digest, problems }, `${name} is valid (${digest})`, name);
  if (!result.ok) throw new InvalidTemplateError(file, problems);
};

export const create: Handler = async (cli, [file = '']) => {
  const source = readInput(file, 'FILE');
  const session = await cli.session();
  const orgId = await session.orgId();
  const checked = await session.api.templates.validateTemplate({ orgId, source });
  if (checked.problems.length > 0) throw new InvalidTemplateError(file, checked.problems);
  const { version } = await session.api.templates.createTemplateVersion({ orgId, source });
  await cli.out.one(versionView, present(version));
};

export const remove: Handler<{ readonly yes?: boolean }> = async (cli, [name = ''], { yes = false }) => {
  const session = await cli.session();
  const template = await findTemplate(session, name);
  await demandName(cli, `hides the template ${template.name}`, template.name, yes);
  await session.api.templates.deleteTemplate({ orgId: await session.orgId(), templateId: template.id });
  await cli.out.plain({ id: template.id, deleted: true }, `template ${template.name} deleted`, template.name);
};
