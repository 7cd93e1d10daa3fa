import { Button, DropdownMenu, Text, Tooltip, VisuallyHidden, type ButtonProps } from '@radix-ui/themes';
import { useId, useState, type MouseEvent, type ReactNode } from 'react';
import type { May } from '../app/may.ts';

type ActionProps = ButtonProps & {
  /** Of what the button does. */
  readonly may: May;
};

/** A button for what not everybody may do: to others it is dim, does nothing, can still be reached, and says why. */
export function Action({ may, ...button }: ActionProps) {
  const id = useId();
  const [open, setOpen] = useState(false);
  // One tree in each case: a button that came to be another one would lose the focus.
  return (
    <>
      <Tooltip content={may.reason} open={open && may.reason !== ''} onOpenChange={setOpen}>
        <Button {...button} {...(may.allowed ? {} : { ...barred, 'aria-describedby': id })} />
      </Tooltip>
      {/* A tooltip is gone when the page scrolls. */}
      <VisuallyHidden id={id}>{may.reason}</VisuallyHidden>
    </>
  );
}

const barred = {
  type: 'button',
  'aria-disabled': true,
  'data-disabled': true,
  // What else stands in the way is not what the person is to hear.
  disabled: false,
  onClick: (event: MouseEvent) => event.preventDefault(),
} as const;

interface ActionItemProps {
  readonly may: May;
  readonly onSelect: () => void;
  readonly children: ReactNode;
}

/** The same in a menu, where the reason stands below it. */
export function ActionItem({ may, onSelect, children }: ActionItemProps) {
  return (
    <DropdownMenu.Item disabled={!may.allowed} onSelect={onSelect} className="action-item">
      <span>
        {children}
        {may.reason !== '' && (
          <Text as="div" size="1">
            {may.reason}
          </Text>
        )}
      </span>
    </DropdownMenu.Item>
  );
}
