import { list } from '@truffle/config';

/** What orchestration is told of images' addresses. */
export const imageSettings = {
  outgoingAllow: list(
    'TRUFFLE_OUTGOING_ALLOW',
    'addresses and ranges inside, and host names with ports of their own, that tenants may name too, e.g. of your own mirror of images',
    { fallback: [] },
  ),
} as const;
