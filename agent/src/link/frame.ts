import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { LinkRequestSchema, type LinkRequest } from '@truffle/api/agent/v1/link';

type Frame = NonNullable<MessageInitShape<typeof LinkRequestSchema>['frame']>;

/** Bytes of the largest frame, in either direction. */
export const frameLimit = 256 * 1024;

/** A frame to the gateway. */
export const frame = (given: Frame): LinkRequest => create(LinkRequestSchema, { frame: given });
