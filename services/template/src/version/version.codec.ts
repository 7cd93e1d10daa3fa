import { create, type JsonObject } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { TemplateVersionSchema, type TemplateVersion } from '@truffle/api/template/v1/template';
import type { VersionRow } from './version.repo.ts';

export const versionMessage = (row: VersionRow): TemplateVersion =>
  create(TemplateVersionSchema, {
    id: row.id,
    orgId: row.org_id,
    templateId: row.template_id,
    templateName: row.template_name,
    version: row.version,
    digest: row.digest,
    parentDigest: row.parent_digest ?? '',
    source: row.source,
    // What came out of a jsonb column is JSON.
    parametersSchema: row.parameters_schema as JsonObject,
    createdAt: timestampFromDate(row.created_at),
  });
