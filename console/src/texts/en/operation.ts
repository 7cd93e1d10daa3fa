const number = new Intl.NumberFormat('en');

export const operation = {
  one: 'Operation',
  many: 'Operations',
  state: 'State',
  by: 'By',
  begun: 'Begun',
  steps: 'Steps',
  log: 'Log',
  whole: 'Cluster',
  searchLog: 'Search the log…',
  lines: (count: number) => (count === 1 ? '1 line' : `${number.format(count)} lines`),
  cut: (count: number) => `The last ${number.format(count)} lines; truffle operation logs has all of them.`,
  cancel: 'Cancel',
  cancelling: 'Cancelling…',
  retry: 'Try again',
  undo: 'Undo',
  none: 'Nothing has been done here yet',
  noneHint: 'Whatever takes longer than a moment is an operation: it has steps, a log, an end, and can be called off.',
  kinds: {
    1: 'Create',
    2: 'Delete',
    20: 'Start a server of',
    21: 'Stop a server of',
    22: 'Snapshot a server of',
    23: 'Roll back a server of',
    24: 'Delete a snapshot of',
    25: 'Resize a server of',
    26: 'Migrate a server of',
  } as Readonly<Record<number, string>>,
  states: { 0: 'Unknown', 1: 'Waiting', 2: 'Running', 3: 'Succeeded', 4: 'Failed', 5: 'Cancelled' } as Readonly<
    Record<number, string>
  >,
  stepStates: {
    0: 'unknown',
    1: 'to do',
    2: 'waiting',
    3: 'running',
    4: 'done',
    5: 'failed',
    6: 'skipped',
  } as Readonly<Record<number, string>>,
} as const;
