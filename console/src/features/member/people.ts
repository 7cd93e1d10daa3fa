import type { Binding } from '@truffle/api/tenant/v1/account';

/** A person, and what they were given here themselves. */
export interface Person {
  readonly subject: string;
  readonly email: string;
  readonly bindings: readonly Binding[];
}

/** The people among those who have bindings, in the order of their first one. */
export function peopleOf(bindings: readonly Binding[]): Person[] {
  const people = new Map<string, Person>();
  for (const binding of bindings) {
    if (!binding.subject.startsWith('user:')) continue;
    const known = people.get(binding.subject);
    people.set(binding.subject, {
      subject: binding.subject,
      email: binding.email || (known?.email ?? ''),
      bindings: [...(known?.bindings ?? []), binding],
    });
  }
  return [...people.values()];
}
