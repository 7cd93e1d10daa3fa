import { Link, useParams } from '@tanstack/react-router';
import { GroupService } from '@truffle/api/tenant/v1/group_service';
import { usePlace } from '../../app/place.tsx';
import { texts } from '../../texts/texts.ts';
import { List } from '../../ui/list.tsx';
import { Act } from '../../ui/may.tsx';
import { Empty } from '../../ui/notice.tsx';
import { Page } from '../../ui/page.tsx';
import { usePages } from '../../ui/pages.ts';
import { useSorting } from '../../ui/sorting.ts';
import { Ago } from '../../ui/time.tsx';
import { GroupForm } from './group-form.tsx';

const text = texts.access;

export default function GroupsPage() {
  const { org } = useParams({ from: '/o/$org/access/groups' });
  const { organization } = usePlace();
  const orgId = organization?.id ?? '';
  const sorting = useSorting('name');
  const asked = { orgId, orderBy: sorting.by };
  const pages = usePages(GroupService.method.listGroups, asked, ({ groups }) => groups, { enabled: orgId !== '' });
  const make = (
    <GroupForm
      orgId={orgId}
      trigger={
        <Act permission="group.create" on={orgId}>
          {text.newGroup}
        </Act>
      }
    />
  );
  return (
    <Page title={text.groups} actions={make}>
      <List
        label={text.groups}
        pages={pages}
        sorting={sorting}
        empty={<Empty title={text.noGroups} hint={text.groupsHint} command="truffle group create operators" />}
        keyOf={({ id }) => id}
        columns={[
          {
            title: text.name,
            sort: 'name',
            cell: ({ id, name }) => (
              <Link to="/o/$org/access/groups/$groupId" params={{ org, groupId: id }} className="row-link">
                {name}
              </Link>
            ),
          },
          { title: text.about, cell: ({ description }) => description || '–' },
          { title: text.made, sort: 'created_at', cell: ({ createdAt }) => <Ago at={createdAt} /> },
        ]}
      />
    </Page>
  );
}
