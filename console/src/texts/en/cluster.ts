export const cluster = {
  one: 'Cluster',
  many: 'Clusters',
  name: 'Name',
  state: 'State',
  servers: 'Servers',
  template: 'Template',
  changed: 'Changed',
  none: 'No clusters yet',
  noneHint: 'A cluster is a set of virtual machines with what runs on them, made from a template.',
  states: {
    0: 'Unknown',
    1: 'Creating',
    2: 'Ready',
    3: 'Failed',
    4: 'Deleting',
    5: 'Deleted',
  } as Readonly<Record<number, string>>,
} as const;
