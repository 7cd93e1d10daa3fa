/** An invitation waits here while its receiver signs in or up: in memory, for it is as good as a key. */
const kept = { invitation: '' };

/** The token in the address (`#token=…`), which is taken out of it at once: it is not to stay in the history. */
export function takeMailToken(): string {
  const token = new URLSearchParams(globalThis.location.hash.slice(1)).get('token') ?? '';
  if (token !== '') history.replaceState(history.state, '', globalThis.location.pathname);
  return token;
}

export const keepInvitation = (token: string): void => {
  kept.invitation = token;
};

/** The invitation that somebody came with; empty for none. */
export const keptInvitation = (): string => kept.invitation;
