import type { Agent } from '@truffle/api/agent/v1/agent';
import { Button, Callout, Flex } from '@radix-ui/themes';
import { texts } from '../../texts/texts.ts';
import { Notice } from '../../ui/notice.tsx';

interface SealingNoticeProps {
  readonly error: Error;
  readonly agent: Agent;
  readonly onTrusted: () => void;
}

/** What went wrong with a plan. A site's key that has changed may be trusted by who compared it there. */
export function SealingNotice({ error, agent, onTrusted }: SealingNoticeProps) {
  // By its mark: the module that seals is loaded only when it is needed.
  if (!('isChange' in error) || error.isChange !== true) return <Notice error={error} />;
  const trust = async (): Promise<void> => {
    const { forgetSeen } = await import('./sealing.ts');
    forgetSeen(agent.id);
    onTrusted();
  };
  return (
    <Callout.Root color="red" role="alert">
      <Callout.Text>{error.message}</Callout.Text>
      <Flex>
        <Button type="button" color="red" variant="soft" onClick={() => void trust()}>
          {texts.cluster.sealing.trust}
        </Button>
      </Flex>
    </Callout.Root>
  );
}
