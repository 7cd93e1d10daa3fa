import { runHost } from '@truffle/kit';
import { makeOrchestrationModule } from './module.ts';

await runHost('orchestration', { orchestration: makeOrchestrationModule });
