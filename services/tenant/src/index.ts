export { makeTenantModule } from './tenant.module.ts';
export { tenantMigrations } from './migrations.ts';
