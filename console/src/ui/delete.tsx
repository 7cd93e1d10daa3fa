import { texts } from '../texts/texts.ts';
import { Confirm } from './confirm.tsx';
import { Act } from './may.tsx';

interface DeleteProps {
  readonly name: string;
  /** What goes with it. */
  readonly hint: string;
  readonly permission: string;
  readonly on: string;
  readonly onDelete: () => void;
}

/** A row's button that deletes what the row shows, once its name was typed. */
export const Delete = ({ name, hint, permission, on, onDelete }: DeleteProps) => (
  <Confirm
    title={texts.access.deleteTitle(name)}
    message={hint}
    action={texts.confirm.delete}
    name={name}
    onConfirm={onDelete}
  >
    <Act permission={permission} on={on} size="1" variant="soft" color="red" aria-label={texts.access.deleteOf(name)}>
      {texts.confirm.delete}
    </Act>
  </Confirm>
);
