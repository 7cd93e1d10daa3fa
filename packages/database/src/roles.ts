/**
 * The database's login roles: one for each service, and one for each of the few jobs that look across tenants or before
 * one is known. None is a superuser, owns a table or bypasses row-level security.
 */
export const serviceRoles = {
  svc_tenant: 'tenant service',
  svc_identity: 'tenant service, before a tenant is known: sign-in, keys, sessions',
  svc_template: 'template service',
  svc_orchestration: 'orchestration service',
  svc_orchestration_sweep:
    'orchestration service: finds operations whose workflow has not begun, and resolves ids to places',
  svc_billing: 'billing service',
  svc_agent_gateway: 'agent-gateway service',
  svc_agent_sweep: 'agent-gateway service: join tokens, agents by id, queued commands of its own sessions',
  svc_ledger_reader: "reads a tenant's events for lists and watchers",
  svc_key_rotation: 'wraps data keys anew and seals values anew, of every tenant; sees nothing else of them',
  svc_relay: 'numbers and chains events of every tenant',
  svc_ledger_keeper:
    "keeps the audit trail: checkpoints, what a plan's retention ends, and a person's data when it is erased",
} as const;

export type ServiceRole = keyof typeof serviceRoles;
