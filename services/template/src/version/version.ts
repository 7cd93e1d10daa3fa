import { Code } from '@connectrpc/connect';
import { InvalidProblem, Problem } from '@truffle/kit';
import type { Problem as Found } from '@truffle/template-language';

/** A template's source is not one. Each problem has its path as field, and its line and column in the description. */
export class InvalidTemplateProblem extends Problem {
  override readonly name = 'InvalidTemplateProblem';
  constructor(problems: readonly Found[]) {
    const { message, fields } = new InvalidProblem(
      problems.map((p) => ({
        field: p.path === '' ? 'source' : p.path,
        description: `line ${p.line}, column ${p.column}: ${p.message}${p.expected === undefined ? '' : ` (expected ${p.expected})`}`,
        reason: p.code,
      })),
    );
    super(Code.InvalidArgument, 'INVALID_TEMPLATE', message, { fields });
  }
}

/** The template has that version already, with other content: a version never changes. */
export class VersionExistsProblem extends Problem {
  override readonly name = 'VersionExistsProblem';
  constructor(template: string, version: string, digest: string) {
    super(
      Code.AlreadyExists,
      'VERSION_EXISTS',
      `${template} ${version} exists already with other content; give the change a version of its own`,
      {
        parameters: { template, version, digest },
        fields: [
          { field: 'metadata.version', description: 'exists already with other content', reason: 'VERSION_EXISTS' },
        ],
      },
    );
  }
}

/** The service has as many templates to check as it can bear. */
export class TemplatesBusyProblem extends Problem {
  override readonly name = 'TemplatesBusyProblem';
  constructor(cause: unknown) {
    super(
      Code.ResourceExhausted,
      'TEMPLATES_BUSY',
      'too many templates are being checked just now; try again in a moment',
      { cause },
    );
  }
}
