import { fileURLToPath } from 'node:url';
import { SourceService } from '@truffle/api/template/v1/source_service';
import { TemplateService } from '@truffle/api/template/v1/template_service';
import { readSettings, text } from '@truffle/config';
import type { MakeModule, ServiceModule } from '@truffle/kit';
import { TemplateSandbox } from '@truffle/template-language';
import { loadCurated } from './curated/curated.ts';
import type { TemplateParts } from './parts.ts';
import type { TemplateTables } from './tables.ts';
import { templateRpc } from './template/template.rpc.ts';
import { sourceRpc } from './version/source.rpc.ts';

const templateSettings = {
  folder: text('TRUFFLE_TEMPLATES_DIR', 'folder of the templates that ship with Truffle, one folder each', {
    fallback: fileURLToPath(new URL('../../../templates', import.meta.url)),
  }),
} as const;

/** Templates and their versions. */
export const makeTemplateModule: MakeModule = async (deps): Promise<ServiceModule> => {
  const settings = readSettings(templateSettings, deps.env, () => '');
  const parts: TemplateParts = {
    database: deps.database<TemplateTables>('svc_template'),
    sandbox: new TemplateSandbox(),
    peers: deps.peers,
    now: () => new Date(),
  };
  return {
    name: 'template',
    services: [TemplateService, SourceService],
    scopes: {},
    ledger: parts.database as never,
    register: (router) =>
      void router.service(TemplateService, templateRpc(parts)).service(SourceService, sourceRpc(parts)),
    start: async () => {
      const count = await loadCurated(parts, settings.folder);
      deps.logger.info({ count }, 'templates that ship with Truffle are loaded');
    },
    ready: () => parts.database.ping(),
    close: async () => {
      await parts.sandbox.close();
      await parts.database.close();
    },
  };
};
