import { Callout, Flex } from '@radix-ui/themes';
import { KeyRound } from 'lucide-react';
import { texts } from '../texts/texts.ts';
import { Copy } from './copy.tsx';

/** A secret that is shown once: it is in this answer and nowhere else. */
export function SecretOnce({ secret, hint }: { readonly secret: string; readonly hint: string }) {
  return (
    <Flex direction="column" gap="3">
      <Callout.Root highContrast color="amber" size="1">
        <Callout.Icon>
          <KeyRound size={16} />
        </Callout.Icon>
        <Callout.Text>
          {texts.secret.once} {hint}
        </Callout.Text>
      </Callout.Root>
      <Copy text={secret} />
    </Flex>
  );
}
