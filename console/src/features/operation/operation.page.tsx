import { Tabs, Text } from '@radix-ui/themes';
import { Link, useParams } from '@tanstack/react-router';
import { texts } from '../../texts/texts.ts';
import { Copy } from '../../ui/copy.tsx';
import { FailureNotice } from '../../ui/failure.tsx';
import { Notice } from '../../ui/notice.tsx';
import { Page } from '../../ui/page.tsx';
import { Ago } from '../../ui/time.tsx';
import { OperationLog } from './log.tsx';
import { OperationActions } from './operation-actions.tsx';
import { OperationBadge } from './operation-state.tsx';
import { Steps } from './steps.tsx';
import { useOperation } from './watch.ts';

const text = texts.operation;

export default function OperationPage() {
  const params = useParams({ from: '/o/$org/p/$project/operations/$operationId' });
  const { operation, error } = useOperation(params.operationId);
  if (error !== null) return <Notice error={error} />;
  if (operation === undefined) return null;
  return (
    <Page
      title={`${text.kinds[operation.kind] ?? text.one} ${operation.clusterName}`}
      badge={<OperationBadge state={operation.state} />}
      actions={<OperationActions operation={operation} />}
    >
      <Text color="gray" size="2">
        {operation.initiator?.displayName} · <Ago at={operation.createdAt} /> ·{' '}
        <Link to="/o/$org/p/$project/clusters/$clusterId" params={{ ...params, clusterId: operation.clusterId }}>
          {operation.clusterName}
        </Link>
      </Text>
      <FailureNotice failure={operation.failure} />
      <Tabs.Root defaultValue="steps">
        <Tabs.List>
          <Tabs.Trigger value="steps">{text.steps}</Tabs.Trigger>
          <Tabs.Trigger value="log">{text.log}</Tabs.Trigger>
        </Tabs.List>
        <Tabs.Content value="steps" className="tab">
          <Steps operation={operation} />
        </Tabs.Content>
        <Tabs.Content value="log" className="tab">
          <OperationLog operationId={operation.id} />
        </Tabs.Content>
      </Tabs.Root>
      <Copy text={`truffle operation watch ${operation.id}`} />
    </Page>
  );
}
