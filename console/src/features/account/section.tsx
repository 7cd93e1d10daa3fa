import { Card, Flex, Heading } from '@radix-ui/themes';
import type { ReactNode } from 'react';

interface SectionProps {
  readonly title: string;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}

/** One matter of an account. */
export function Section({ title, actions, children }: SectionProps) {
  return (
    <Card size="3" asChild>
      <section aria-label={title}>
        <Flex direction="column" gap="3">
          <Flex justify="between" align="center" gap="3" wrap="wrap">
            <Heading as="h2" size="4">
              {title}
            </Heading>
            <Flex gap="2" wrap="wrap">
              {actions}
            </Flex>
          </Flex>
          {children}
        </Flex>
      </section>
    </Card>
  );
}
