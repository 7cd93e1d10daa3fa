/** Whether a media query holds. */
export interface Media {
  readonly holds: () => boolean;
  /** @returns what ends it */
  readonly subscribe: (onChange: () => void) => () => void;
}

/** Goes by what the events say alone: in Chromium a look at `matches` between a change and its event takes the event away from everybody. */
export function media(query: string): Media {
  const list = globalThis.matchMedia(query);
  const listeners = new Set<() => void>();
  let holds = list.matches;
  list.addEventListener('change', ({ matches }) => {
    holds = matches;
    for (const tell of listeners) tell();
  });
  return {
    holds: () => holds,
    subscribe: (onChange) => {
      listeners.add(onChange);
      return () => listeners.delete(onChange);
    },
  };
}
