import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { deriveId } from '@truffle/ids';
import { parametersSchema, TemplateSandbox, type Problem } from '@truffle/template-language';
import type { TemplateParts } from '../parts.ts';
import { upsertCurated } from './curated.repo.ts';

const publisher = 'truffle';
const fileName = 'template.yaml';
/** What ships with Truffle is no stranger's: a machine that is busy while it starts must not take it for a costly one. */
const deadlineMs = 30_000;

/** A template that ships with Truffle does not hold: the process must not start with it. */
export class CuratedTemplateError extends Error {
  override readonly name = 'CuratedTemplateError';
  readonly code = 'CURATED_TEMPLATE';
  constructor(path: string, problems: readonly Problem[]) {
    super(
      `${path} is not a template: ${problems.map((p) => `line ${p.line}, column ${p.column}: ${p.message}`).join('; ')}`,
    );
  }
}

/** Stores every `<folder>/<name>/template.yaml`. @throws CuratedTemplateError */
export async function loadCurated(parts: TemplateParts, folder: string): Promise<number> {
  const sources = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(folder, entry.name, fileName))
    .filter((path) => existsSync(path))
    .sort();
  const sandbox = new TemplateSandbox({ deadlineMs, threads: 1 });
  try {
    for (const path of sources) await loadOne({ ...parts, sandbox }, path);
  } finally {
    await sandbox.close();
  }
  return sources.length;
}

async function loadOne(parts: TemplateParts, path: string): Promise<void> {
  const source = readFileSync(path, 'utf8');
  const parsed = await parts.sandbox.parse(source);
  if (!parsed.ok) throw new CuratedTemplateError(path, parsed.problems);
  const { template, digest } = parsed;
  const { name, version, title, summary, categories } = template.metadata;
  const id = deriveId('tpl', publisher, name);
  // The digest is in the id, so that content once deployed keeps its id whatever later releases ship.
  const versionId = deriveId('tpv', publisher, name, version, digest);
  const made = { publisher, created_at: parts.now() };
  await parts.database.anywhere((tx) =>
    upsertCurated(
      tx,
      {
        ...made,
        id,
        name,
        title,
        summary,
        categories: [...(categories ?? [])],
        latest_version: version,
        latest_version_id: versionId,
      },
      {
        ...made,
        id: versionId,
        template_id: id,
        template_name: name,
        version,
        digest,
        parent_digest: null,
        signature: null,
        source,
        content: JSON.stringify(template),
        parameters_schema: JSON.stringify(parametersSchema(template)),
      },
    ),
  );
}
