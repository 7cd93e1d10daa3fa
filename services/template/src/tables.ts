import type { CuratedTable, TemplateTable } from './template/template.table.ts';
import type { CuratedVersionTable, VersionTable } from './version/version.table.ts';

export interface TemplateTables {
  'template.template': TemplateTable;
  'template.version': VersionTable;
  'template.curated': CuratedTable;
  'template.curated_version': CuratedVersionTable;
}
