import { ActionKind } from '@truffle/api/orchestration/v1/cluster';

/** Colours of what is done: what loses data is red. */
export const planColors = {
  [ActionKind.UNSPECIFIED]: 'gray',
  [ActionKind.CREATE]: 'green',
  [ActionKind.UPDATE]: 'blue',
  [ActionKind.REPLACE]: 'red',
  [ActionKind.DESTROY]: 'red',
  [ActionKind.DEPLOY]: 'violet',
} as const;
