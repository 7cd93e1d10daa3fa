import type { ServiceImpl } from '@connectrpc/connect';
import type { TemplateService } from '@truffle/api/template/v1/template_service';
import { pageOf } from '@truffle/database';
import { callerOf, NotFoundProblem, orderedPageOf } from '@truffle/kit';
import type { TemplateParts } from '../parts.ts';
import { versionMessage } from '../version/version.codec.ts';
import { findVersion, listVersions } from '../version/version.repo.ts';
import { parse, storeVersion } from '../version/version.usecases.ts';
import { problemMessage, templateMessage } from './template.codec.ts';
import { findTemplate, listTemplates, templateOrdering } from './template.repo.ts';
import { deleteTemplate } from './template.usecases.ts';

export const templateRpc = (parts: TemplateParts): ServiceImpl<typeof TemplateService> => ({
  validateTemplate: async (request) => {
    const parsed = await parse(parts, request.source);
    return parsed.ok ? { digest: parsed.digest } : { problems: parsed.problems.map(problemMessage) };
  },
  createTemplateVersion: async (request, context) => {
    const stored = await storeVersion(parts, callerOf(context), request.source);
    return { template: templateMessage(stored.template), version: versionMessage(stored.version) };
  },
  getTemplate: async (request, context) => {
    const row = await parts.database.tenant(callerOf(context).orgId, (tx) => findTemplate(tx, request.templateId));
    if (row === undefined) throw new NotFoundProblem('template', request.templateId);
    return { template: templateMessage(row) };
  },
  listTemplates: async (request, context) => {
    const page = orderedPageOf(context, request, templateOrdering);
    const { rows, next } = page.cut(
      await parts.database.tenant(callerOf(context).orgId, (tx) => listTemplates(tx, request.name, page)),
    );
    return { templates: rows.map(templateMessage), page: { next } };
  },
  getTemplateVersion: async (request, context) => {
    const row = await parts.database.tenant(callerOf(context).orgId, (tx) =>
      findVersion(tx, request.templateVersionId),
    );
    if (row === undefined) throw new NotFoundProblem('template version', request.templateVersionId);
    return { version: versionMessage(row) };
  },
  listTemplateVersions: async (request, context) => {
    const page = pageOf(request.page);
    const found = await parts.database.tenant(callerOf(context).orgId, async (tx) => {
      if ((await findTemplate(tx, request.templateId)) === undefined)
        throw new NotFoundProblem('template', request.templateId);
      return listVersions(tx, request.templateId, page.after, page.limit + 1);
    });
    const { rows, next } = page.cut(found, (row) => row.id);
    return { versions: rows.map(versionMessage), page: { next } };
  },
  deleteTemplate: async (request, context) => {
    await deleteTemplate(parts, callerOf(context), request.templateId, request.revision);
    return {};
  },
});
