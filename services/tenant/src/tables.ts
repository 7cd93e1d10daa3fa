import type { LedgerTables } from '@truffle/database';
import type { AllowlistTable } from './allowlist/allowlist.table.ts';
import type { SignInAttemptTable, UserTable } from './account/account.table.ts';
import type { SignUpTable } from './account/people.table.ts';
import type { ApiKeyTable } from './api-key/api-key.table.ts';
import type { AuditStreamTable } from './audit-stream/audit-stream.table.ts';
import type { BindingTable } from './binding/binding.table.ts';
import type { ChallengeTable, FactorTable, RecoveryCodeTable } from './factor/factor.table.ts';
import type { InvitationTable } from './invitation/invitation.table.ts';
import type { LinkTable } from './link/link.table.ts';
import type { MailTable } from './mail/mail.table.ts';
import type { OrganizationTable } from './organization/organization.table.ts';
import type { ProjectTable } from './project/project.table.ts';
import type { SessionTable } from './session/session.table.ts';
import type { WorkspaceTable } from './workspace/workspace.table.ts';

export interface TenantTables extends LedgerTables {
  'tenant.organization': OrganizationTable;
  'tenant.workspace': WorkspaceTable;
  'tenant.project': ProjectTable;
  'tenant.role_binding': BindingTable;
  'tenant.api_key': ApiKeyTable;
  'tenant.allowlist': AllowlistTable;
  'tenant.user': UserTable;
  'tenant.audit_stream': AuditStreamTable;
  'tenant.session': SessionTable;
  'tenant.sign_in_attempt': SignInAttemptTable;
  'tenant.sign_up': SignUpTable;
  'tenant.link': LinkTable;
  'tenant.mail': MailTable;
  'tenant.factor': FactorTable;
  'tenant.recovery_code': RecoveryCodeTable;
  'tenant.challenge': ChallengeTable;
  'tenant.invitation': InvitationTable;
}
