import { Role } from '@truffle/api/tenant/v1/account';
import { texts } from '../../texts/texts.ts';
import { Choice, type Option } from '../../ui/choice.tsx';

const builtIn = [Role.VIEWER, Role.OPERATOR, Role.ADMIN, Role.OWNER, Role.AUDITOR];

/** A role that a form has chosen: a built-in one, or the id of the organization's own. */
export interface ChosenRole {
  readonly role: Role;
  readonly roleId: string;
}

export const viewer: ChosenRole = { role: Role.VIEWER, roleId: '' };

interface RoleFieldProps {
  readonly value: ChosenRole;
  readonly onChange: (value: ChosenRole) => void;
  /** The organization's own roles, where they may be chosen too. */
  readonly own?: readonly Option[];
  /** Built-in roles that can't be chosen here. */
  readonly without?: readonly Role[];
}

export function RoleField({ value, onChange, own = [], without = [] }: RoleFieldProps) {
  const text = texts.access;
  const options = [
    ...builtIn
      .filter((role) => !without.includes(role))
      .map((role) => ({ value: String(role), label: text.roleNames[role] ?? '' })),
    ...own,
  ];
  return (
    <Choice
      label={text.role}
      value={value.roleId || String(value.role)}
      options={options}
      hint={value.roleId === '' ? (text.roleHints[value.role] ?? '') : text.ownRole}
      onChange={(chosen) =>
        onChange(
          chosen.startsWith('rol_')
            ? { role: Role.UNSPECIFIED, roleId: chosen }
            : { role: builtIn.find((role) => String(role) === chosen) ?? Role.UNSPECIFIED, roleId: '' },
        )
      }
    />
  );
}

/** What a binding or invitation gives, as people call it. */
export const roleName = (role: Role, roleId: string, nameOf: (id: string) => string): string =>
  roleId === '' ? (texts.access.roleNames[role] ?? texts.access.noRole) : nameOf(roleId);
