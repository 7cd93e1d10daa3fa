import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { LinkRequestSchema, type LinkRequest } from '@truffle/api/agent/v1/link';

type Frame = NonNullable<MessageInitShape<typeof LinkRequestSchema>['frame']>;

/** Bytes of the largest frame, in either direction. */
export const frameLimit = 256 * 1024;

/** Bytes that one part of a frame may have, so that the frame holds its other fields too. */
export const partLimit = frameLimit - 16 * 1024;

/** A frame to the gateway. */
export const frame = (given: Frame): LinkRequest => create(LinkRequestSchema, { frame: given });
