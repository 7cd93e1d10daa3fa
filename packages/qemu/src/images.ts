import { QemuError } from './error.ts';
import { whyNotBuild } from './image/workshop.ts';
import { findQemu } from './program/programs.ts';

export { ensureSuspended, findSuspended, type Shape, type Suspended, usualShape } from './image/suspended.ts';
export { ensureImage, guestCache, type ImageName, imageNames, ownShop, type Shop } from './image/shop.ts';

/** Why there can be no real guests here, in one line; undefined when there can be. */
export function whyNoGuests(): string | undefined {
  try {
    findQemu();
    return whyNotBuild();
  } catch (error) {
    if (error instanceof QemuError) return `${error.message}. ${error.remedy}`;
    throw error;
  }
}
