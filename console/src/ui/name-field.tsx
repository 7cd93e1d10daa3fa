import { texts } from '../texts/texts.ts';
import { Field } from './field.tsx';

/** What names are made of, for the field's own check; the server has the last word. */
const pattern = '[a-z]([a-z0-9\\-]{0,38}[a-z0-9])?';

interface NameFieldProps {
  readonly value: string;
  readonly onChange: (name: string) => void;
}

/** What the thing is to be called that a form makes. */
export const NameField = ({ value, onChange }: NameFieldProps) => (
  <Field
    label={texts.access.name}
    name="name"
    hint={texts.cluster.nameHint}
    pattern={pattern}
    required
    value={value}
    onChange={(event) => onChange(event.target.value)}
  />
);
