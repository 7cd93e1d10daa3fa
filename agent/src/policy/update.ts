import type { PolicyState } from './policy.file.ts';
import { isOpen } from './window.ts';

/** What a site allows of updates of the agent itself. */
export interface UpdateAllowed {
  /** Why that version is not put in; undefined when it may be. */
  readonly objection: (version: string) => string | undefined;
  /** Whether one may be put in at that time, milliseconds since 1970. */
  readonly now: (wallMs: number) => boolean;
}

/** As the policy has it. One that can't be used allows none: it might forbid them. */
export function updateAllowed(state: PolicyState): UpdateAllowed {
  if (state.kind === 'broken') return { objection: () => 'the policy can not be used', now: () => false };
  const { update, windows } = state.policy;
  return {
    objection: (version) => {
      if (update === 'on' || update === version) return undefined;
      return update === 'off' ? 'the policy has updates off' : `the policy keeps the version ${update}`;
    },
    // An update is a change of the site, if only for the seconds of a restart.
    now: (wallMs) => windows === undefined || windows.outside.includes('change') || isOpen(windows, wallMs),
  };
}
