export { makeOrchestrationModule } from './module.ts';
export { orchestrationMigrations } from './migrations.ts';
