import { useQuery } from '@connectrpc/connect-query';
import { AgentService } from '@truffle/api/agent/v1/agent_service';
import { Link, useParams } from '@tanstack/react-router';
import { usePlace } from '../../app/place.tsx';
import { texts } from '../../texts/texts.ts';
import { Empty, Notice } from '../../ui/notice.tsx';
import { Page } from '../../ui/page.tsx';
import { ListTable } from '../../ui/table.tsx';
import { Ago } from '../../ui/time.tsx';
import { AgentBadge } from './agent-state.tsx';
import { ConnectSite } from './connect-site.tsx';

const text = texts.agent;

export default function AgentsPage() {
  const { organization } = usePlace();
  const params = useParams({ from: '/o/$org/sites' });
  const { data, error, refetch } = useQuery(
    AgentService.method.listAgents,
    { orgId: organization?.id ?? '', page: { size: 100 } },
    { enabled: organization !== undefined },
  );
  const connect = organization === undefined ? null : <ConnectSite orgId={organization.id} />;
  return (
    <Page title={text.many} actions={connect}>
      {error !== null && <Notice error={error} retry={() => void refetch()} />}
      {data?.agents.length === 0 ? (
        <Empty title={text.none} hint={text.noneHint} command="truffle agent join-token create my-site" />
      ) : (
        error === null && (
          <ListTable
            label={text.many}
            rows={data?.agents}
            keyOf={({ id }) => id}
            columns={[
              {
                title: text.name,
                cell: ({ id, name }) => (
                  <Link to="/o/$org/sites/$agentId" params={{ ...params, agentId: id }} className="row-link">
                    {name}
                  </Link>
                ),
              },
              { title: text.state, cell: ({ state }) => <AgentBadge state={state} /> },
              { title: text.since, cell: ({ stateSince }) => <Ago at={stateSince} /> },
              { title: text.heard, cell: ({ lastSeenAt }) => <Ago at={lastSeenAt} /> },
              {
                title: text.hypervisor,
                cell: ({ inventory }) => text.runs(inventory?.driver, inventory?.hypervisorVersion),
              },
              { title: text.version, cell: ({ version }) => version },
            ]}
          />
        )
      )}
    </Page>
  );
}
