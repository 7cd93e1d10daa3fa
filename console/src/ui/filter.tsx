import { Flex, Text, TextField } from '@radix-ui/themes';
import { useId, useState, type ComponentProps } from 'react';

type FilterProps = Omit<ComponentProps<typeof TextField.Root>, 'value' | 'onChange' | 'type'> & {
  readonly label: string;
  /** What is in force: the address's. */
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly type?: 'search' | 'datetime-local';
};

/** A condition of a list. It holds once one has finished typing: Enter, or leaving the field. */
export function Filter({ label, value, onChange, type = 'search', ...input }: FilterProps) {
  const id = useId();
  const [draft, setDraft] = useState({ of: value, typed: value });
  const typed = draft.of === value ? draft.typed : value;
  const set = (): void => {
    if (typed.trim() !== value) onChange(typed.trim());
  };
  return (
    <Flex direction="column" gap="1" asChild>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          set();
        }}
      >
        <Text as="label" htmlFor={id} size="1" color="gray">
          {label}
        </Text>
        <TextField.Root
          {...input}
          id={id}
          size="2"
          type={type}
          value={typed}
          onChange={(event) => setDraft({ of: value, typed: event.target.value })}
          onBlur={set}
        />
      </form>
    </Flex>
  );
}
