export { makeTemplateModule } from './template.module.ts';
export { templateMigrations } from './migrations.ts';
