export { makeBillingModule } from './billing.module.ts';
export { billingMigrations } from './migrations.ts';
