import { runHost } from '@truffle/kit';
import { makeTenantModule } from './index.ts';

await runHost('tenant', { tenant: makeTenantModule });
