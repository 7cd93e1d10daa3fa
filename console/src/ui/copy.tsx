import { Code, Flex, IconButton, Tooltip } from '@radix-ui/themes';
import { Check, ClipboardCopy } from 'lucide-react';
import { useState } from 'react';
import { texts } from '../texts/texts.ts';

/** A command or value to take along. */
export function Copy({ text }: { readonly text: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), 1_500);
  };
  return (
    <Flex align="center" gap="2">
      <Code className="command" color="gray">
        {text}
      </Code>
      <Tooltip content={texts.copy.copy}>
        <IconButton size="1" variant="ghost" color="gray" aria-label={texts.copy.copy} onClick={() => void copy()}>
          {copied ? <Check size={14} /> : <ClipboardCopy size={14} />}
        </IconButton>
      </Tooltip>
      <span role="status" style={{ position: 'absolute', left: -9999 }}>
        {copied ? texts.copy.copied : ''}
      </span>
    </Flex>
  );
}
