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
  const said = problem ?? hint;
  return (
    <div>
      <Text as="label" htmlFor={id} size="2" mb="1" weight="medium" style={{ display: 'block' }}>
        {label}
      </Text>
      <TextField.Root
        {...input}
        id={id}
        aria-invalid={problem !== undefined}
        {...(said === undefined ? {} : { 'aria-describedby': `${id}-hint` })}
      />
      {said !== undefined && (
        <Text as="div" id={`${id}-hint`} size="1" color={problem === undefined ? 'gray' : 'red'} mt="1">
          {said}
        </Text>
      )}
    </div>
  );
}
