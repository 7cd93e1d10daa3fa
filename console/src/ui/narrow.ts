import { useSyncExternalStore } from 'react';

/** As in app.css: below this a page is one column. */
const query = globalThis.matchMedia('(max-width: 720px)');

const subscribe = (onChange: () => void): (() => void) => {
  query.addEventListener('change', onChange);
  return () => query.removeEventListener('change', onChange);
};

/** Whether the window is as narrow as a phone. */
export const useNarrow = (): boolean => useSyncExternalStore(subscribe, () => query.matches);
