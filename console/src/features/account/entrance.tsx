import { Card, Flex, Heading } from '@radix-ui/themes';
import type { FormEvent, ReactNode } from 'react';

interface EntranceProps {
  readonly title: string;
  /** @param value what was typed into the field of that name */
  readonly onSubmit: (value: (name: string) => string) => void;
  readonly children: ReactNode;
}

/** The frame of the pages before one is signed in. */
export function Entrance({ title, onSubmit, children }: EntranceProps) {
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    onSubmit((name) => {
      const value = fields.get(name);
      return typeof value === 'string' ? value : '';
    });
  };
  return (
    <Flex justify="center" align="center" p="4" minHeight="100vh" asChild>
      <main>
        <Card size="4" style={{ width: 380 }}>
          <form onSubmit={submit}>
            <Flex direction="column" gap="4">
              <Flex align="center" gap="3">
                <img src="/icon.svg" alt="" width={32} height={32} />
                <Heading as="h1" size="5">
                  {title}
                </Heading>
              </Flex>
              {children}
            </Flex>
          </form>
        </Card>
      </main>
    </Flex>
  );
}
