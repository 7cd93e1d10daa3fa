import { Badge, type BadgeProps } from '@radix-ui/themes';

interface StateBadgeProps {
  readonly state: number;
  readonly names: Readonly<Record<number, string>>;
  readonly colors: Readonly<Record<number, BadgeProps['color']>>;
}

/** A resource's state: a word, and a colour for who glances. */
export const StateBadge = ({ state, names, colors }: StateBadgeProps) => (
  <Badge highContrast color={colors[state] ?? 'gray'}>
    {names[state] ?? names[0]}
  </Badge>
);
