import { AgentService } from '@truffle/api/agent/v1/agent_service';
import { Text } from '@radix-ui/themes';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { usePlace } from '../../app/place.tsx';
import { texts } from '../../texts/texts.ts';
import { Filter } from '../../ui/filter.tsx';
import { List } from '../../ui/list.tsx';
import { Empty } from '../../ui/notice.tsx';
import { Page } from '../../ui/page.tsx';
import { usePages } from '../../ui/pages.ts';
import { useSorting } from '../../ui/sorting.ts';
import { Ago } from '../../ui/time.tsx';
import { AgentBadge } from './agent-state.tsx';
import { ConnectSite } from './connect-site.tsx';

const text = texts.agent;
const from = '/o/$org/sites';

export default function AgentsPage() {
  const { organization } = usePlace();
  const params = useParams({ from });
  const { name = '' } = useSearch({ from });
  const navigate = useNavigate({ from });
  const orgId = organization?.id ?? '';
  const sorting = useSorting('name');
  const asked = { orgId, name, orderBy: sorting.by };
  const pages = usePages(AgentService.method.listAgents, asked, ({ agents }) => agents, {
    enabled: orgId !== '',
  });
  const none = pages.rows?.length === 0 && name === '';
  return (
    <Page title={text.many} actions={orgId === '' ? null : <ConnectSite orgId={orgId} />}>
      {!none && (
        <div className="filters">
          <Filter
            label={texts.list.exactName}
            value={name}
            onChange={(value) =>
              void navigate({ search: (was) => ({ ...was, name: value || undefined }), replace: true })
            }
          />
        </div>
      )}
      <List
        label={text.many}
        pages={pages}
        sorting={sorting}
        empty={
          none ? (
            <Empty title={text.none} hint={text.noneHint} command="truffle agent join-token create my-site" />
          ) : (
            <Text color="gray">{texts.list.noneSuch}</Text>
          )
        }
        keyOf={({ id }) => id}
        columns={[
          {
            title: text.name,
            sort: 'name',
            cell: ({ id, name: called }) => (
              <Link to="/o/$org/sites/$agentId" params={{ ...params, agentId: id }} className="row-link">
                {called}
              </Link>
            ),
          },
          { title: text.state, sort: 'state', cell: ({ state }) => <AgentBadge state={state} /> },
          { title: text.since, cell: ({ stateSince }) => <Ago at={stateSince} /> },
          { title: text.heard, cell: ({ lastSeenAt }) => <Ago at={lastSeenAt} /> },
          { title: text.version, sort: 'version', cell: ({ version }) => version },
          { title: text.commands, cell: ({ openCommands }) => openCommands },
        ]}
      />
    </Page>
  );
}
