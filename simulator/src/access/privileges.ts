/** Every privilege PVE 9.2 knows. `VM.Monitor` went with version 9. */
export const PRIVILEGES: readonly string[] = [
  'Datastore.Allocate', 'Datastore.AllocateSpace', 'Datastore.AllocateTemplate', 'Datastore.Audit', 'Group.Allocate', 'Mapping.Audit',
  'Mapping.Modify', 'Mapping.Use', 'Permissions.Modify', 'Pool.Allocate', 'Pool.Audit', 'Realm.Allocate', 'Realm.AllocateUser', 'SDN.Allocate',
  'SDN.Audit', 'SDN.Use', 'Sys.AccessNetwork', 'Sys.Audit', 'Sys.Console', 'Sys.Incoming', 'Sys.Modify', 'Sys.PowerMgmt', 'Sys.Syslog',
  'User.Modify', 'VM.Allocate', 'VM.Audit', 'VM.Backup', 'VM.Clone', 'VM.Config.CDROM', 'VM.Config.CPU', 'VM.Config.Cloudinit',
  'VM.Config.Disk', 'VM.Config.HWType', 'VM.Config.Memory', 'VM.Config.Network', 'VM.Config.Options', 'VM.Console', 'VM.GuestAgent.Audit',
  'VM.GuestAgent.FileRead', 'VM.GuestAgent.FileSystemMgmt', 'VM.GuestAgent.FileWrite', 'VM.GuestAgent.Unrestricted', 'VM.Migrate',
  'VM.PowerMgmt', 'VM.Replicate', 'VM.Snapshot', 'VM.Snapshot.Rollback',
];

const starting = (...prefixes: string[]): string[] => PRIVILEGES.filter((one) => prefixes.some((prefix) => one.startsWith(prefix)));

const ADMIN_ONLY = ['Mapping.Modify', 'Permissions.Modify', 'Realm.Allocate', 'Sys.AccessNetwork', 'Sys.Incoming', 'Sys.Modify', 'Sys.PowerMgmt'];

/** The roles that come with PVE and cannot be changed. */
export const BUILT_IN_ROLES: Readonly<Record<string, readonly string[]>> = {
  Administrator: PRIVILEGES,
  NoAccess: [],
  PVEAdmin: PRIVILEGES.filter((one) => !ADMIN_ONLY.includes(one)),
  PVEAuditor: ['Datastore.Audit', 'Mapping.Audit', 'Pool.Audit', 'SDN.Audit', 'Sys.Audit', 'VM.Audit', 'VM.GuestAgent.Audit'],
  PVEDatastoreAdmin: starting('Datastore.'),
  PVEDatastoreUser: ['Datastore.AllocateSpace', 'Datastore.Audit'],
  PVEMappingAdmin: starting('Mapping.'),
  PVEMappingUser: ['Mapping.Audit', 'Mapping.Use'],
  PVEPoolAdmin: starting('Pool.'),
  PVEPoolUser: ['Pool.Audit'],
  PVESDNAdmin: starting('SDN.'),
  PVESDNUser: ['SDN.Audit', 'SDN.Use'],
  PVESysAdmin: ['Sys.Audit', 'Sys.Console', 'Sys.Syslog'],
  PVETemplateUser: ['VM.Audit', 'VM.Clone'],
  PVEUserAdmin: ['Group.Allocate', 'Realm.AllocateUser', 'User.Modify'],
  PVEVMAdmin: starting('VM.'),
  PVEVMUser: [
    'VM.Audit', 'VM.Backup', 'VM.Config.CDROM', 'VM.Config.Cloudinit', 'VM.Console', 'VM.GuestAgent.Audit', 'VM.GuestAgent.FileRead',
    'VM.GuestAgent.FileSystemMgmt', 'VM.GuestAgent.FileWrite', 'VM.PowerMgmt',
  ],
};

/** Privileges that only mean something under a path of this kind: what the login answer's `cap` lists. */
export const CAPABILITIES: Readonly<Record<string, readonly string[]>> = {
  vms: ['Permissions.Modify', ...starting('VM.')],
  storage: ['Permissions.Modify', ...starting('Datastore.')],
  access: ['Group.Allocate', 'Permissions.Modify', 'User.Modify'],
  dc: ['SDN.Allocate', 'SDN.Audit', 'SDN.Use', 'Sys.Audit', 'Sys.Modify'],
  nodes: ['Permissions.Modify', ...starting('Sys.')],
  sdn: ['Permissions.Modify', ...starting('SDN.')],
  mapping: ['Permissions.Modify', ...starting('Mapping.')],
};

/** The ACL path behind each kind of capability. */
export const CAPABILITY_PATHS: Readonly<Record<string, string>> = {
  vms: '/vms', storage: '/storage', access: '/access', dc: '/', nodes: '/nodes', sdn: '/sdn', mapping: '/mapping',
};
