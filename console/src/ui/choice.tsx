import { Select, Text } from '@radix-ui/themes';
import { useId } from 'react';

export interface Option {
  readonly value: string;
  readonly label: string;
}

interface ChoiceProps {
  readonly label: string;
  readonly value: string;
  readonly options: readonly Option[];
  readonly onChange: (value: string) => void;
  readonly hint?: string;
  readonly small?: boolean;
}

/** One of a few, with its label. The value of an option is not empty. */
export function Choice({ label, value, options, onChange, hint, small = false }: ChoiceProps) {
  const id = useId();
  return (
    <div>
      <Text as="label" htmlFor={id} size={small ? '1' : '2'} {...(small ? { color: 'gray' } : { weight: 'medium' })}>
        {label}
      </Text>
      <div className={small ? 'choice small' : 'choice'}>
        <Select.Root value={value} onValueChange={onChange}>
          <Select.Trigger id={id} aria-label={label} placeholder={label} />
          <Select.Content>
            {options.map((option) => (
              <Select.Item key={option.value} value={option.value}>
                {option.label}
              </Select.Item>
            ))}
          </Select.Content>
        </Select.Root>
      </div>
      {hint !== undefined && (
        <Text as="div" size="1" color="gray" mt="1">
          {hint}
        </Text>
      )}
    </div>
  );
}
