import { Flex, Heading, Text } from '@radix-ui/themes';
import { Link, useParams } from '@tanstack/react-router';
import { Effect } from '@truffle/api/tenant/v1/account';
import { MemberService } from '@truffle/api/tenant/v1/account_service';
import { texts } from '../../texts/texts.ts';
import { List } from '../../ui/list.tsx';
import { Empty } from '../../ui/notice.tsx';
import { Page } from '../../ui/page.tsx';
import { usePages } from '../../ui/pages.ts';
import { useSorting } from '../../ui/sorting.ts';
import { Ago } from '../../ui/time.tsx';
import { useDirectory } from '../access/directory.ts';
import { roleName } from '../access/role-field.tsx';
import { InvitationTable } from '../invitation/invitation-table.tsx';
import { Invite } from '../invitation/invite.tsx';
import { peopleOf } from './people.ts';
import { SignOut } from './sign-out.tsx';

const text = texts.access;

/** Who is in the organization, and who was asked to be. */
export default function PeoplePage() {
  const { org } = useParams({ from: '/o/$org/access/people' });
  const directory = useDirectory();
  const { orgId, nameOf } = directory;
  const sorting = useSorting('created_at');
  const asked = { orgId, orderBy: sorting.by };
  const pages = usePages(MemberService.method.listBindings, asked, ({ bindings }) => bindings, {
    size: 500,
    enabled: orgId !== '',
  });
  const rows = pages.rows === undefined ? undefined : peopleOf(pages.rows);
  return (
    <Page title={text.people} actions={<Invite directory={directory} />}>
      <List
        label={text.people}
        pages={{ ...pages, rows }}
        sorting={sorting}
        empty={
          <Empty
            title={text.noPeople}
            hint={text.peopleHint}
            command="truffle invitation create ann@example.com --role operator"
          />
        }
        keyOf={({ subject }) => subject}
        columns={[
          { title: text.person, cell: ({ email, subject }) => <Text weight="medium">{email || subject}</Text> },
          {
            title: text.has,
            cell: ({ bindings }) => (
              <Flex direction="column">
                {bindings.map(({ id, role, roleId, scopeId, effect }) => (
                  <Text key={id} size="2" color={effect === Effect.DENY ? 'red' : undefined}>
                    {text.at(roleName(role, roleId, nameOf), nameOf(scopeId), effect === Effect.DENY)}
                  </Text>
                ))}
              </Flex>
            ),
          },
          {
            title: text.since,
            sort: 'created_at',
            cell: ({ bindings }) => <Ago at={bindings[0]?.createdAt} />,
          },
          {
            title: text.why,
            cell: ({ subject, email }) => (
              <Link to="/o/$org/access/why" params={{ org }} search={{ who: email || subject }}>
                {text.askWhy}
              </Link>
            ),
          },
          {
            title: text.actions,
            cell: ({ subject, email }) => <SignOut orgId={orgId} subject={subject} who={email || subject} />,
          },
        ]}
      />
      <Heading as="h2" size="4" mt="3">
        {text.invitations}
      </Heading>
      <InvitationTable directory={directory} />
    </Page>
  );
}
