import { Text, TextField } from '@radix-ui/themes';
import { useId, type ComponentProps } from 'react';

type FieldProps = ComponentProps<typeof TextField.Root> & {
  readonly label: string;
  readonly name: string;
  readonly hint?: string;
  /** What the server said of the value. */
  readonly problem?: string | undefined;
};

/** A text field with its label, its hint and what is wrong with it, all told to a screen reader too. */
export function Field({ label, hint, problem, ...input }: FieldProps) {
  const id = useId();
  return (
    <label>
      <Text as="div" size="2" mb="1" weight="medium">
        {label}
      </Text>
      <TextField.Root {...input} aria-describedby={`${id}-hint`} aria-invalid={problem !== undefined} />
      <Text as="div" id={`${id}-hint`} size="1" color={problem === undefined ? 'gray' : 'red'} mt="1">
        {problem ?? hint}
      </Text>
    </label>
  );
}
