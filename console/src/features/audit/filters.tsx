import { Button } from '@radix-ui/themes';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { texts } from '../../texts/texts.ts';
import { Choice } from '../../ui/choice.tsx';
import { Filter } from '../../ui/filter.tsx';
import type { Search } from './filter.ts';

const text = texts.audit;
const from = '/o/$org/audit';
const any = 'any';
const fields = ['actor', 'action', 'resource', 'address'] as const;
const times = ['from', 'until'] as const;

/** The conditions that are in the address. */
export function Filters() {
  const search = useSearch({ from });
  const navigate = useNavigate({ from });
  const set = (patch: Search): void => {
    const cleaned = Object.fromEntries(Object.entries(patch).map(([key, value]) => [key, value || undefined]));
    void navigate({ search: (was) => ({ ...was, ...cleaned }), replace: true });
  };
  return (
    <div className="filters gap-below">
      {fields.map((field) => (
        <Filter
          key={field}
          label={text.fields[field]}
          placeholder={text.examples[field]}
          value={search[field] ?? ''}
          onChange={(value) => set({ [field]: value })}
        />
      ))}
      <Choice
        small
        label={text.fields.result}
        value={search.result ?? any}
        options={[any, 'OK', 'REFUSED'].map((value) => ({ value, label: text.results[value] ?? value }))}
        onChange={(result) => set({ result: result === any ? '' : result })}
      />
      {times.map((field) => (
        <Filter
          key={field}
          label={text.fields[field]}
          type="datetime-local"
          value={search[field] ?? ''}
          onChange={(value) => set({ [field]: value })}
        />
      ))}
      <Button variant="soft" color="gray" onClick={() => void navigate({ search: {}, replace: true })}>
        {text.clear}
      </Button>
    </div>
  );
}
