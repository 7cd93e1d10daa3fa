import { QuotaService } from '@truffle/api/billing/v1/plan_service';
import { appendEvent, type Transaction } from '@truffle/database';
import { newId } from '@truffle/ids';
import { authorOf, onBehalfOf, type Caller } from '@truffle/kit';
import {
  compareVersions,
  parametersSchema,
  SandboxError,
  type ParseResult,
  type Template,
} from '@truffle/template-language';
import type { TemplateParts } from '../parts.ts';
import type { TemplateTables } from '../tables.ts';
import { lockTemplate, setLatest, type ListedTemplate } from '../template/template.repo.ts';
import { findVersionNumbered, insertVersion, type VersionRow } from './version.repo.ts';
import { InvalidTemplateProblem, TemplatesBusyProblem, VersionExistsProblem } from './version.ts';

/** @throws TemplatesBusyProblem */
export async function parse(parts: TemplateParts, source: string): Promise<ParseResult> {
  try {
    return await parts.sandbox.parse(source);
  } catch (error) {
    throw error instanceof SandboxError && error.code === 'SANDBOX_BUSY' ? new TemplatesBusyProblem(error) : error;
  }
}

export interface Stored {
  readonly template: ListedTemplate;
  readonly version: VersionRow;
}

/**
 * Stores a source as a version of the template that it names, which is made when it is new. The same content again is the version there
 * already. @throws InvalidTemplateProblem, VersionExistsProblem, TemplatesBusyProblem
 */
export async function storeVersion(parts: TemplateParts, caller: Caller, source: string): Promise<Stored> {
  const parsed = await parse(parts, source);
  if (!parsed.ok) throw new InvalidTemplateProblem(parsed.problems);
  const { stored, isNew } = await parts.database.tenant(caller.orgId, (tx) =>
    store(tx, parts, caller, { source, content: parsed.template, digest: parsed.digest }),
  );
  if (!isNew) await releaseVersionQuota(parts, caller, [caller.quotaHolder]);
  return stored;
}

/** Gives back what versions held. */
export async function releaseVersionQuota(
  parts: TemplateParts,
  caller: Caller,
  holders: readonly string[],
): Promise<void> {
  const billing = parts.peers.client('billing', QuotaService, onBehalfOf(caller));
  for (const holder of holders) await billing.releaseQuota({ orgId: caller.orgId, quota: 'template_versions', holder });
}

interface Wanted {
  readonly source: string;
  readonly content: Template;
  readonly digest: string;
}

async function store(
  tx: Transaction<TemplateTables>,
  parts: TemplateParts,
  caller: Caller,
  wanted: Wanted,
): Promise<{ stored: Stored; isNew: boolean }> {
  const { metadata } = wanted.content;
  const id = newId('tpv');
  const look = {
    title: metadata.title,
    summary: metadata.summary,
    categories: [...(metadata.categories ?? [])],
    latest_version: metadata.version,
    latest_version_id: id,
  };
  const fresh = {
    org_id: caller.orgId,
    id: newId('tpl'),
    name: metadata.name,
    publisher: caller.orgId,
    created_at: parts.now(),
    deleted_at: null,
  };
  const template = await lockTemplate(tx, { ...fresh, ...look });
  const there = await findVersionNumbered(tx, template.id, metadata.version);
  if (there !== undefined) {
    if (there.digest !== wanted.digest) throw new VersionExistsProblem(metadata.name, metadata.version, there.digest);
    return { stored: { template, version: there }, isNew: false };
  }
  const version = rowOf(caller, template, id, wanted, parts.now());
  const schema = parametersSchema(wanted.content);
  await insertVersion(tx, {
    ...version,
    content: JSON.stringify(wanted.content),
    parameters_schema: JSON.stringify(schema),
  });
  const isMade = template.id === fresh.id;
  const isLatest = !isMade && compareVersions(metadata.version, template.latest_version) > 0;
  if (isLatest) await setLatest(tx, template.id, look);
  const event = { orgId: caller.orgId, resourceId: template.id };
  if (isMade)
    await appendEvent(tx, authorOf(caller), {
      ...event,
      name: 'template.created',
      data: { after: { name: template.name } },
    });
  await appendEvent(tx, authorOf(caller), {
    ...event,
    resourceId: id,
    name: 'template_version.created',
    data: { after: { template: template.name, version: metadata.version, digest: wanted.digest } },
  });
  const seen = isLatest ? { ...template, ...look, revision: String(BigInt(template.revision) + 1n) } : template;
  return { stored: { template: seen, version: { ...version, content: {}, parameters_schema: schema } }, isNew: true };
}

const rowOf = (caller: Caller, template: ListedTemplate, id: string, wanted: Wanted, now: Date) => ({
  org_id: caller.orgId,
  id,
  template_id: template.id,
  template_name: template.name,
  version: wanted.content.metadata.version,
  digest: wanted.digest,
  parent_digest: null,
  publisher: caller.orgId,
  signature: null,
  acquired_via: 'authored',
  source: wanted.source,
  quota_holder: caller.quotaHolder,
  created_at: now,
  deleted_at: null,
});
