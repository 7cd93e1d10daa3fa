/** What went wrong with a machine, for programs. */
export type QemuFault =
  /** A program is not installed. */
  | 'QEMU_MISSING'
  /** The process ended before it was ready. */
  | 'QEMU_START_FAILED'
  /** The process could not be ended. */
  | 'QEMU_STOP_FAILED'
  /** A disk could not be made, read or changed. */
  | 'QEMU_DISK_FAILED'
  /** The monitor did not answer in time. */
  | 'QEMU_NO_ANSWER'
  /** The monitor or the guest agent refused what it was asked. */
  | 'QEMU_REFUSED'
  /** Nobody answers on the guest agent's channel. */
  | 'QEMU_AGENT_SILENT'
  /** A machine's folder, or an image, is damaged. */
  | 'QEMU_DAMAGED'
  /** An image could not be built. */
  | 'QEMU_IMAGE_FAILED';

/** A failure of a machine, decoded: what it is, what to do, and what was said last. */
export class QemuError extends Error {
  override readonly name = 'QemuError';
  readonly code: QemuFault;
  /** What to do next. */
  readonly remedy: string;
  /** The last lines of whatever failed, oldest first. */
  readonly output: readonly string[];
  constructor(
    code: QemuFault,
    message: string,
    rest: { readonly remedy: string; readonly output?: readonly string[]; readonly cause?: unknown },
  ) {
    super(message, rest.cause === undefined ? undefined : { cause: rest.cause });
    this.code = code;
    this.remedy = rest.remedy;
    this.output = rest.output ?? [];
  }
}
