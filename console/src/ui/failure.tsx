import type { Failure } from '@truffle/api/type/v1/failure';
import { Box, Callout, Text } from '@radix-ui/themes';
import { TriangleAlert } from 'lucide-react';
import { texts } from '../texts/texts.ts';

/** A decoded failure: what, why, what to do, and the last lines of the log. */
export function FailureNotice({ failure }: { readonly failure: Failure | undefined }) {
  if (failure === undefined) return null;
  return (
    <Callout.Root highContrast color="red" role="alert">
      <Callout.Icon>
        <TriangleAlert size={16} />
      </Callout.Icon>
      <Callout.Text weight="medium">{failure.message}</Callout.Text>
      {failure.cause !== '' && <Text size="2">{failure.cause}</Text>}
      {failure.remedy !== '' && (
        <Text size="2">
          <strong>{texts.failure.remedy}</strong> {failure.remedy}
        </Text>
      )}
      {failure.logTail.length > 0 && (
        <Box asChild>
          <pre className="log">{failure.logTail.join('\n')}</pre>
        </Box>
      )}
    </Callout.Root>
  );
}
