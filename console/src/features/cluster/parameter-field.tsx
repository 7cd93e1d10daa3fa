import { Select, Switch, Text, TextArea, TextField } from '@radix-ui/themes';
import { useId } from 'react';
import { texts } from '../../texts/texts.ts';
import type { Parameter } from './parameters.ts';

interface ParameterFieldProps {
  readonly parameter: Parameter;
  readonly value: string;
  readonly onChange: (value: string) => void;
}

/** One parameter's field, as its schema draws it. */
export function ParameterField({ parameter, value, onChange }: ParameterFieldProps) {
  const id = useId();
  const { title, description, secret } = parameter;
  return (
    <div>
      <Text as="label" htmlFor={id} size="2" weight="medium">
        {title}
      </Text>
      <div>
        {secret ? (
          <TextField.Root
            id={id}
            type="password"
            autoComplete="new-password"
            value={value}
            required={!parameter.generated}
            aria-describedby={`${id}-hint`}
            onChange={(event) => onChange(event.target.value)}
          />
        ) : (
          <Control id={id} {...{ parameter, value, onChange }} />
        )}
      </div>
      <Text as="div" id={`${id}-hint`} size="1" color="gray" mt="1">
        {description} {secret && (parameter.generated ? texts.cluster.secretMade : texts.cluster.secretSealed)}
      </Text>
    </div>
  );
}

function Control({ id, parameter, value, onChange }: ParameterFieldProps & { readonly id: string }) {
  const { kind, choices, min, max, integer, required, long } = parameter;
  if (kind === 'switch')
    return <Switch id={id} checked={value === 'true'} onCheckedChange={(checked) => onChange(String(checked))} />;
  if (kind === 'choice')
    return (
      <Select.Root value={value} onValueChange={onChange}>
        <Select.Trigger id={id} />
        <Select.Content>
          {choices.map((choice) => (
            <Select.Item key={choice} value={choice}>
              {choice}
            </Select.Item>
          ))}
        </Select.Content>
      </Select.Root>
    );
  if (long) return <TextArea id={id} value={value} onChange={(event) => onChange(event.target.value)} rows={4} />;
  return (
    <TextField.Root
      id={id}
      value={value}
      required={required}
      type={kind === 'number' ? 'number' : 'text'}
      step={integer ? 1 : 'any'}
      {...(min === undefined ? {} : { min })}
      {...(max === undefined ? {} : { max })}
      onChange={(event) => onChange(event.target.value)}
    />
  );
}
