import { Callout } from '@radix-ui/themes';
import { WifiOff } from 'lucide-react';
import { texts } from '../texts/texts.ts';
import { Ago } from '../ui/time.tsx';
import { useLiveness } from './live.tsx';

/** Says honestly when what is shown may be old, and since when. */
export function LiveSign() {
  const liveness = useLiveness();
  return (
    <div role="status">
      {liveness.state === 'stale' && (
        <Callout.Root highContrast color="amber" size="1" mb="3">
          <Callout.Icon>
            <WifiOff size={16} />
          </Callout.Icon>
          <Callout.Text>
            {texts.shell.stale} <Ago at={liveness.since} />
          </Callout.Text>
        </Callout.Root>
      )}
    </div>
  );
}
