/** Options of commands that start an operation. */
export const wait = ['-w, --wait', 'wait until it is done, and show how it goes'] as const;
export const watch = ['--watch', 'wait, and show the log too'] as const;

export interface WaitFlags {
  readonly wait?: boolean;
  readonly watch?: boolean;
}
