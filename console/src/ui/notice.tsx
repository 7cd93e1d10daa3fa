import { findErrorInfo } from './error-info.ts';
import { ConnectError } from '@connectrpc/connect';
import { Button, Callout, Code, Flex, Heading, Text } from '@radix-ui/themes';
import { Link } from '@tanstack/react-router';
import { TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import { texts } from '../texts/texts.ts';
import { Copy } from './copy.tsx';

/** What went wrong, in the server's words, with its request's number for who helps. */
export function Notice({ error, retry }: { readonly error: Error; readonly retry?: () => void }) {
  // What is no error of the API (a passkey that was not given, say) speaks for itself.
  const { message, reason, requestId, fields } = findErrorInfo(ConnectError.from(error));
  return (
    <Callout.Root highContrast color="red" role="alert" mb="3">
      <Callout.Icon>
        <TriangleAlert size={16} />
      </Callout.Icon>
      <Callout.Text>{message}</Callout.Text>
      {fields.length > 0 && (
        <ul>
          {fields.map(({ field, description }) => (
            <li key={field + description}>
              <Code>{field}</Code> {description}
            </li>
          ))}
        </ul>
      )}
      {reason === 'MFA_ENROLMENT_REQUIRED' && <Link to="/account">{texts.notice.addFactor}</Link>}
      <Flex gap="3" align="center">
        {retry !== undefined && (
          <Button size="1" variant="soft" onClick={retry}>
            {texts.notice.retry}
          </Button>
        )}
        {requestId !== undefined && (
          <Text size="1" color="gray">
            {texts.notice.request} {requestId}
          </Text>
        )}
      </Flex>
    </Callout.Root>
  );
}

interface EmptyProps {
  readonly title: string;
  readonly hint: string;
  /** The CLI's command that does the same. */
  readonly command?: string;
  readonly children?: ReactNode;
}

/** A list without anything in it says what would be there and how it gets there. */
export function Empty({ title, hint, command, children }: EmptyProps) {
  return (
    <Flex
      direction="column"
      gap="3"
      align="center"
      p="7"
      style={{ border: '1px dashed var(--gray-a6)', borderRadius: 12 }}
    >
      <Heading size="4">{title}</Heading>
      <Text color="gray" align="center" style={{ maxWidth: 520 }}>
        {hint}
      </Text>
      {children}
      {command !== undefined && <Copy text={command} />}
    </Flex>
  );
}

export function NotFound() {
  return (
    <Flex direction="column" gap="3" p="7" align="center" asChild>
      <main>
        <Heading>{texts.notice.notFound}</Heading>
        <Link to="/">{texts.notice.home}</Link>
      </main>
    </Flex>
  );
}
