export { makeAgentGatewayModule } from './module.ts';
export { agentGatewayMigrations } from './migrations.ts';
