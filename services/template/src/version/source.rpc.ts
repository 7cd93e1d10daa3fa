import type { ServiceImpl } from '@connectrpc/connect';
import type { SourceService } from '@truffle/api/template/v1/source_service';
import { callerOf, NotFoundProblem } from '@truffle/kit';
import type { TemplateParts } from '../parts.ts';
import { versionMessage } from './version.codec.ts';
import { findOfferedVersion } from './version.repo.ts';

/** For services: a version with its content, as `loadTemplate` takes it. */
export const sourceRpc = (parts: TemplateParts): ServiceImpl<typeof SourceService> => ({
  getSource: async (request, context) => {
    const row = await parts.database.tenant(callerOf(context).orgId, (tx) =>
      findOfferedVersion(tx, request.templateVersionId),
    );
    if (row === undefined) throw new NotFoundProblem('template version', request.templateVersionId);
    return { version: versionMessage(row), contentJson: Buffer.from(JSON.stringify(row.content)) };
  },
});
