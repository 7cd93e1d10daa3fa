const key = 'truffle-sso-binding';

/** Keeps what binds a sign-in by a provider to this tab, until the provider sends it back. */
export const keepBinding = (binding: string): void => sessionStorage.setItem(key, binding);

/** What this tab keeps, once; empty when it began no sign-in. */
export function takeBinding(): string {
  const binding = sessionStorage.getItem(key) ?? '';
  sessionStorage.removeItem(key);
  return binding;
}
