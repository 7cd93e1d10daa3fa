import { runHost } from '@truffle/kit';
import { makeTemplateModule } from './index.ts';

await runHost('template', { template: makeTemplateModule });
