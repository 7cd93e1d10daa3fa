import { useSyncExternalStore } from 'react';
import { media } from './media.ts';

/** As in app.css: below this a page is one column. */
const narrow = media('(max-width: 720px)');

/** Whether the window is as narrow as a phone. */
export const useNarrow = (): boolean => useSyncExternalStore(narrow.subscribe, narrow.holds);
