import { AlertDialog, Button, Flex } from '@radix-ui/themes';
import { texts } from '../../texts/texts.ts';
import { Copy } from '../../ui/copy.tsx';

const text = texts.account.factors;

interface RecoveryCodesProps {
  /** Empty for nothing to show. */
  readonly codes: readonly string[];
  readonly onDone: () => void;
}

/** Shows recovery codes, once: they are nowhere else. */
export function RecoveryCodes({ codes, onDone }: RecoveryCodesProps) {
  return (
    <AlertDialog.Root open={codes.length > 0}>
      <AlertDialog.Content maxWidth="420px">
        <AlertDialog.Title>{text.codesTitle}</AlertDialog.Title>
        <AlertDialog.Description size="2" mb="4">
          {text.codesHint}
        </AlertDialog.Description>
        <Copy text={codes.join('\n')} />
        <Flex justify="end" mt="4">
          <AlertDialog.Action>
            <Button onClick={onDone}>{text.codesKept}</Button>
          </AlertDialog.Action>
        </Flex>
      </AlertDialog.Content>
    </AlertDialog.Root>
  );
}
