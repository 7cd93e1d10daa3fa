import { Card, Flex, Heading } from '@radix-ui/themes';
import { useEffect, type ReactNode } from 'react';

/** What was typed into the field of that name. */
export function valueOf(form: HTMLFormElement, name: string): string {
  const value = new FormData(form).get(name);
  return typeof value === 'string' ? value : '';
}

interface FrameProps {
  readonly title: string;
  readonly children: ReactNode;
}

/** The frame of the pages before one is signed in. */
export function EntranceFrame({ title, children }: FrameProps) {
  useEffect(() => {
    document.title = `${title} · Truffle`;
  }, [title]);
  return (
    <Flex justify="center" align="center" p="4" minHeight="100vh" asChild>
      <main>
        <Card size="4" style={{ width: 380 }}>
          <Flex direction="column" gap="4">
            <Flex align="center" gap="3">
              <img src="/icon.svg" alt="" width={32} height={32} />
              <Heading as="h1" size="5">
                {title}
              </Heading>
            </Flex>
            {children}
          </Flex>
        </Card>
      </main>
    </Flex>
  );
}

interface EntranceProps extends FrameProps {
  /** @param value what was typed into the field of that name */
  readonly onSubmit: (value: (name: string) => string) => void;
}

/** The same, with one form in it. */
export function Entrance({ title, onSubmit, children }: EntranceProps) {
  return (
    <EntranceFrame title={title}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const form = event.currentTarget;
          onSubmit((name) => valueOf(form, name));
        }}
      >
        <Flex direction="column" gap="4">
          {children}
        </Flex>
      </form>
    </EntranceFrame>
  );
}
