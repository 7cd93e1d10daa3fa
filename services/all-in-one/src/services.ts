import { agentGatewayMigrations, makeAgentGatewayModule } from '@truffle/agent-gateway';
import { billingMigrations, makeBillingModule } from '@truffle/billing';
import type { ServiceMigrations } from '@truffle/database';
import type { MakeModule, ServiceName } from '@truffle/kit';
import { makeOrchestrationModule, orchestrationMigrations } from '@truffle/orchestration';
import { makeTemplateModule, templateMigrations } from '@truffle/template';
import { makeTenantModule, tenantMigrations } from '@truffle/tenant';

/** The five services; the first is ready before those that ask it. */
export const everyService: Readonly<Record<ServiceName, MakeModule>> = {
  tenant: makeTenantModule,
  billing: makeBillingModule,
  template: makeTemplateModule,
  'agent-gateway': makeAgentGatewayModule,
  orchestration: makeOrchestrationModule,
};

export const everyMigration: readonly ServiceMigrations[] = [
  tenantMigrations,
  billingMigrations,
  templateMigrations,
  agentGatewayMigrations,
  orchestrationMigrations,
];
