import { ClusterService } from '@truffle/api/orchestration/v1/cluster_service';
import { Button, Flex, Switch, Text } from '@radix-ui/themes';
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
import { ClusterBadge } from './cluster-state.tsx';

const text = texts.cluster;
const from = '/o/$org/p/$project/clusters';

export default function ClustersPage() {
  const { project } = usePlace();
  const params = useParams({ from });
  const { name = '', deleted } = useSearch({ from });
  const sorting = useSorting('name');
  const pages = usePages(
    ClusterService.method.listClusters,
    { projectId: project?.id ?? '', name, showDeleted: deleted !== undefined, orderBy: sorting.by },
    ({ clusters }) => clusters,
    { enabled: project !== undefined },
  );
  const filtered = name !== '' || deleted !== undefined;
  const none = pages.rows?.length === 0 && !filtered;
  const make = (
    <Button asChild>
      <Link to="/o/$org/p/$project/templates" params={params}>
        {text.make}
      </Link>
    </Button>
  );
  return (
    <Page title={text.many} actions={none ? undefined : make}>
      {!none && <Filters name={name} deleted={deleted !== undefined} />}
      <List
        label={text.many}
        pages={pages}
        sorting={sorting}
        empty={
          filtered ? (
            <Text color="gray">{texts.list.noneSuch}</Text>
          ) : (
            <Empty
              title={text.none}
              hint={text.noneHint}
              command="truffle cluster create hello --template static-site --wait"
            >
              {make}
            </Empty>
          )
        }
        keyOf={({ id }) => id}
        columns={[
          {
            title: text.name,
            sort: 'name',
            cell: ({ id, name: called }) => (
              <Link
                to="/o/$org/p/$project/clusters/$clusterId"
                params={{ ...params, clusterId: id }}
                className="row-link"
              >
                {called}
              </Link>
            ),
          },
          { title: text.state, sort: 'state', cell: ({ state }) => <ClusterBadge state={state} /> },
          { title: text.servers, cell: ({ readyCount, serverCount }) => text.ready(readyCount, serverCount) },
          { title: text.template, cell: ({ templateRef }) => templateRef },
          { title: text.made, sort: 'created_at', cell: ({ createdAt }) => <Ago at={createdAt} /> },
          { title: text.changed, cell: ({ updatedAt }) => <Ago at={updatedAt} /> },
        ]}
      />
    </Page>
  );
}

function Filters({ name, deleted }: { readonly name: string; readonly deleted: boolean }) {
  const navigate = useNavigate({ from });
  return (
    <div className="filters">
      <Filter
        label={texts.list.exactName}
        value={name}
        onChange={(value) => void navigate({ search: (was) => ({ ...was, name: value || undefined }), replace: true })}
      />
      <Text as="label" size="2" mb="2">
        <Flex gap="2" align="center">
          <Switch
            size="1"
            checked={deleted}
            onCheckedChange={(on) =>
              void navigate({ search: (was) => ({ ...was, deleted: on ? 'yes' : undefined }), replace: true })
            }
          />
          {text.withDeleted}
        </Flex>
      </Text>
    </div>
  );
}
