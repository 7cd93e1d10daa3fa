import { Flex, TabNav } from '@radix-ui/themes';
import { Outlet } from '@tanstack/react-router';
import type { ReactNode } from 'react';

/** Pages that belong together, each with an address of its own. */
export function Section({ label, children }: { readonly label: string; readonly children: ReactNode }) {
  return (
    <Flex direction="column" gap="4">
      <TabNav.Root aria-label={label} className="section">
        {children}
      </TabNav.Root>
      <Outlet />
    </Flex>
  );
}
