import { AlertDialog, Button, Flex, Text, TextField } from '@radix-ui/themes';
import { useState, type ReactNode } from 'react';
import { texts } from '../texts/texts.ts';

interface ConfirmProps {
  readonly title: string;
  readonly message: string;
  readonly action: string;
  /** What has to be typed, where it can't be undone. */
  readonly name?: string;
  readonly onConfirm: () => void;
  /** The button that asks. */
  readonly children: ReactNode;
}

/** Asks before what is not easily undone. */
export function Confirm({ title, message, action, name, onConfirm, children }: ConfirmProps) {
  const [typed, setTyped] = useState('');
  return (
    <AlertDialog.Root onOpenChange={() => setTyped('')}>
      <AlertDialog.Trigger>{children}</AlertDialog.Trigger>
      <AlertDialog.Content maxWidth="460px">
        <AlertDialog.Title>{title}</AlertDialog.Title>
        <AlertDialog.Description size="2">{message}</AlertDialog.Description>
        {name !== undefined && (
          <label>
            <Text as="div" size="2" mt="4" mb="1">
              {texts.confirm.type(name)}
            </Text>
            <TextField.Root value={typed} onChange={(event) => setTyped(event.target.value)} autoComplete="off" />
          </label>
        )}
        <Flex gap="3" mt="4" justify="end">
          <AlertDialog.Cancel>
            <Button variant="soft" color="gray">
              {texts.confirm.cancel}
            </Button>
          </AlertDialog.Cancel>
          <AlertDialog.Action>
            <Button color="red" disabled={name !== undefined && typed !== name} onClick={onConfirm}>
              {action}
            </Button>
          </AlertDialog.Action>
        </Flex>
      </AlertDialog.Content>
    </AlertDialog.Root>
  );
}
