export {
  Database,
  ConnectionLostError,
  databaseErrorCode,
  isDatabaseAway,
  withCommit,
  type DatabaseOptions,
  type Transaction,
} from './database.ts';
export { mintContext, contextKeyOf, type ContextKey } from './context.ts';
export { appendEvent, eventCountOf, eventType, type EventAuthor, type NewEvent } from './ledger.ts';
export { migrate, type MigrationPlan, type ServiceMigrations } from './migrate.ts';
export { tenantTable, allowEverywhere } from './policy.ts';
export { serviceRoles, type ServiceRole } from './roles.ts';
export { type LedgerTables } from './ledger.table.ts';
export { pageOf, type Page, type PageWanted, InvalidPageTokenError } from './page.ts';
export { OrderedPage, type Order, type Ordering, type OrderKey } from './order.ts';
