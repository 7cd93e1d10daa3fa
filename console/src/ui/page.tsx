import { Flex, Heading } from '@radix-ui/themes';
import { useEffect, type ReactNode } from 'react';

interface PageProps {
  readonly title: string;
  /** Beside the title: a state, the page's actions. */
  readonly badge?: ReactNode;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}

/** The frame of a page: its title (the window's too), what can be done, its content. */
export function Page({ title, badge, actions, children }: PageProps) {
  useEffect(() => {
    document.title = `${title} · Truffle`;
  }, [title]);
  return (
    <Flex direction="column" gap="4">
      <Flex align="center" justify="between" gap="3" wrap="wrap">
        <Flex align="center" gap="3">
          <Heading as="h1" size="6">
            {title}
          </Heading>
          {badge}
        </Flex>
        <Flex gap="2">{actions}</Flex>
      </Flex>
      {children}
    </Flex>
  );
}
