import { useSyncExternalStore } from 'react';
import { media } from '../ui/media.ts';

export type Appearance = 'light' | 'dark';

const key = 'truffle.appearance';
const dark = media('(prefers-color-scheme: dark)');
const listeners = new Set<() => void>();
dark.subscribe(() => listeners.forEach((tell) => tell()));

const chosen = (): Appearance | undefined => {
  const value = globalThis.localStorage.getItem(key);
  return value === 'light' || value === 'dark' ? value : undefined;
};

const current = (): Appearance => chosen() ?? (dark.holds() ? 'dark' : 'light');

/** Light or dark: what the person chose here, or what their system says. */
export function useAppearance(): readonly [Appearance, (next: Appearance) => void] {
  const appearance = useSyncExternalStore((tell) => {
    listeners.add(tell);
    return () => listeners.delete(tell);
  }, current);
  return [
    appearance,
    (next) => {
      globalThis.localStorage.setItem(key, next);
      listeners.forEach((tell) => tell());
    },
  ];
}
