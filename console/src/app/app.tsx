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
    // Panels that let what is behind them shine through have all of it blurred anew with each frame that scrolls; behind ours there is nothing.
    <Theme appearance={appearance} accentColor="violet" grayColor="slate" radius="medium" panelBackground="solid">
      <TransportProvider transport={transport}>
        <QueryClientProvider client={queries}>
          <RouterProvider router={router} />
          <StepUp />
        </QueryClientProvider>
      </TransportProvider>
    </Theme>
  );
}
