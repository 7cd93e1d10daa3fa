import { lazy, Suspense, useEffect, useState } from 'react';
import { stepUp } from './transport.ts';

const Dialog = lazy(() => import('../features/account/step-up-dialog.tsx'));

/** Who waits for the proof: every dangerous call that was made meanwhile. */
interface Asked {
  readonly given: () => void;
  readonly refused: (reason: Error) => void;
}

/** Stands beside all pages, and asks for a proof wherever the API does. */
export function StepUp() {
  const [asked, setAsked] = useState<readonly Asked[]>([]);
  useEffect(() => {
    const before = stepUp.ask;
    stepUp.ask = () =>
      new Promise((given, refused) => {
        setAsked((others) => [...others, { given, refused }]);
      });
    return () => {
      stepUp.ask = before;
    };
  }, []);
  if (asked.length === 0) return null;
  const end = (tell: (one: Asked) => void): void => {
    asked.forEach(tell);
    setAsked([]);
  };
  return (
    <Suspense>
      <Dialog
        onGiven={() => end(({ given }) => given())}
        onRefused={() => end(({ refused }) => refused(new Error('the proof was not given')))}
      />
    </Suspense>
  );
}
