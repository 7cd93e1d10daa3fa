import { runHost } from '@truffle/kit';
import { everyService } from './services.ts';

await runHost('all-in-one', everyService);
