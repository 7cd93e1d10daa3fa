import type { ButtonProps } from '@radix-ui/themes';
import { useMay } from '../app/may.ts';
import { Action } from './action.tsx';

type ActProps = ButtonProps & {
  /** `<noun>.<verb>`. */
  readonly permission: string;
  /** Id of what it is asked on; of several, one that they may is enough. */
  readonly on: string | readonly string[];
};

/** A button for what needs a permission: dim, with the reason, for who has it not. */
export const Act = ({ permission, on, ...button }: ActProps) => <Action {...button} may={useMay(permission, on)} />;
