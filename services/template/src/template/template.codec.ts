import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { ProblemSchema, TemplateSchema, type Problem, type Template } from '@truffle/api/template/v1/template';
import type { Problem as Found } from '@truffle/template-language';
import type { ListedTemplate } from './template.repo.ts';

export const templateMessage = (row: ListedTemplate): Template =>
  create(TemplateSchema, {
    id: row.id,
    orgId: row.org_id,
    name: row.name,
    title: row.title,
    summary: row.summary,
    publisher: row.publisher,
    latestVersion: row.latest_version,
    latestVersionId: row.latest_version_id,
    categories: row.categories,
    revision: BigInt(row.revision),
    createdAt: timestampFromDate(row.created_at),
  });

export const problemMessage = (found: Found): Problem =>
  create(ProblemSchema, {
    code: found.code,
    path: found.path,
    line: found.line,
    column: found.column,
    message: found.message,
    expected: found.expected ?? '',
  });
