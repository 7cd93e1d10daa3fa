import { TransportProvider } from '@connectrpc/connect-query';
import { Theme } from '@radix-ui/themes';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { queries } from './queries.ts';
import { router } from './routes.tsx';
import { StepUp } from './step-up.tsx';
import { useAppearance } from './theme.ts';
import { transport } from './transport.ts';

/** The console. */
export function App() {
  const [appearance] = useAppearance();
  return (
    <Theme appearance={appearance} accentColor="violet" grayColor="slate" radius="medium">
      <TransportProvider transport={transport}>
        <QueryClientProvider client={queries}>
          <RouterProvider router={router} />
          <StepUp />
        </QueryClientProvider>
      </TransportProvider>
    </Theme>
  );
}
