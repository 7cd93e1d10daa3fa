const day = 24 * 60 * 60 * 1000;

/** A session ends this long after sign-in, and this long after it was last used. */
export const sessionLifetime = 30 * day;
export const sessionIdleLifetime = 7 * day;
/** The token before a proof is good this much longer, for calls under way. */
export const previousTokenLifetime = 5_000;
/** How long an address and program that somebody signed in from are known. */
export const deviceLifetime = 90 * day;

/** Last use is kept to the minute: a credential in use costs one write in that time, not one per call. */
export const useResolution = 60_000;
