const key = 'truffle-sso-binding';

/** What the browser was sent to a provider for. */
export type SsoPurpose = 'sign-in' | 'link';

/** Keeps what binds a sign-in by a provider, or a link to one, to this tab, until the provider sends it back. */
export const keepBinding = (purpose: SsoPurpose, binding: string): void =>
  sessionStorage.setItem(key, `${purpose} ${binding}`);

/** What this tab keeps, once; with an empty binding when it began nothing. */
export function takeBinding(): { readonly purpose: SsoPurpose; readonly binding: string } {
  const [purpose, binding = ''] = (sessionStorage.getItem(key) ?? '').split(' ');
  sessionStorage.removeItem(key);
  return { purpose: purpose === 'link' ? 'link' : 'sign-in', binding };
}
