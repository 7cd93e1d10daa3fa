import { runHost } from '@truffle/kit';
import { makeAgentGatewayModule } from './module.ts';

await runHost('agent-gateway', { 'agent-gateway': makeAgentGatewayModule });
