import { runHost } from '@truffle/kit';
import { makeBillingModule } from './index.ts';

await runHost('billing', { billing: makeBillingModule });
