import type { LedgerTables } from '@truffle/database';
import type { SessionTable, SignInAttemptTable, UserTable } from './account/account.table.ts';
import type { ApiKeyTable } from './api-key/api-key.table.ts';
import type { AuditStreamTable } from './audit-stream/audit-stream.table.ts';
import type { BindingTable } from './binding/binding.table.ts';
import type { OrganizationTable } from './organization/organization.table.ts';
import type { ProjectTable } from './project/project.table.ts';
import type { WorkspaceTable } from './workspace/workspace.table.ts';

export interface TenantTables extends LedgerTables {
  'tenant.organization': OrganizationTable;
  'tenant.workspace': WorkspaceTable;
  'tenant.project': ProjectTable;
  'tenant.role_binding': BindingTable;
  'tenant.api_key': ApiKeyTable;
  'tenant.user': UserTable;
  'tenant.audit_stream': AuditStreamTable;
  'tenant.session': SessionTable;
  'tenant.sign_in_attempt': SignInAttemptTable;
}
