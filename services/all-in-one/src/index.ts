export { everyMigration, everyService } from './services.ts';
