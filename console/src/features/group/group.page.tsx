import { useMutation, useQuery } from '@connectrpc/connect-query';
import { Flex, Heading, Text } from '@radix-ui/themes';
import { useNavigate, useParams } from '@tanstack/react-router';
import { Effect } from '@truffle/api/tenant/v1/account';
import { MemberService } from '@truffle/api/tenant/v1/account_service';
import type { Group } from '@truffle/api/tenant/v1/group';
import { GroupService } from '@truffle/api/tenant/v1/group_service';
import { texts } from '../../texts/texts.ts';
import { Confirm } from '../../ui/confirm.tsx';
import { List } from '../../ui/list.tsx';
import { Act } from '../../ui/may.tsx';
import { Empty, Notice, NotFound } from '../../ui/notice.tsx';
import { Page } from '../../ui/page.tsx';
import { usePages } from '../../ui/pages.ts';
import { useSorting } from '../../ui/sorting.ts';
import { Ago } from '../../ui/time.tsx';
import { useDirectory } from '../access/directory.ts';
import { roleName } from '../access/role-field.tsx';
import { AddMember } from './add-member.tsx';
import { GroupForm } from './group-form.tsx';

const text = texts.access;

/** Who is in a group, and what it gives them. */
export default function GroupPage() {
  const { groupId } = useParams({ from: '/o/$org/access/groups/$groupId' });
  const directory = useDirectory();
  const { orgId, nameOf } = directory;
  const enabled = orgId !== '';
  const groups = useQuery(GroupService.method.listGroups, { orgId, page: { size: 500 } }, { enabled });
  const bindings = useQuery(MemberService.method.listBindings, { orgId, page: { size: 500 } }, { enabled });
  if (groups.error !== null) return <Notice error={groups.error} retry={() => void groups.refetch()} />;
  if (groups.data === undefined) return null;
  const group = groups.data.groups.find(({ id }) => id === groupId);
  if (group === undefined) return <NotFound />;
  const given = bindings.data?.bindings.filter(({ subject }) => subject === `group:${groupId}`) ?? [];
  return (
    <Page title={group.name} actions={<GroupActions group={group} orgId={orgId} />}>
      <Text color="gray">{group.description}</Text>
      <Heading as="h2" size="4">
        {text.has}
      </Heading>
      {given.length === 0 && (
        <Text size="2" color="gray">
          {text.groupHasNothing}
        </Text>
      )}
      {given.map(({ id, role, roleId, scopeId, effect }) => (
        <Text key={id} size="2">
          {text.at(roleName(role, roleId, nameOf), nameOf(scopeId), effect === Effect.DENY)}
        </Text>
      ))}
      <Flex justify="between" align="center" mt="3">
        <Heading as="h2" size="4">
          {text.members}
        </Heading>
        <AddMember groupId={groupId} directory={directory} />
      </Flex>
      <Members group={group} />
    </Page>
  );
}

function Members({ group }: { readonly group: Group }) {
  const remove = useMutation(GroupService.method.removeGroupMember);
  const sorting = useSorting('subject');
  const asked = { groupId: group.id, orderBy: sorting.by };
  const pages = usePages(GroupService.method.listGroupMembers, asked, ({ members }) => members);
  return (
    <>
      {remove.error !== null && <Notice error={remove.error} />}
      <List
        label={text.members}
        pages={pages}
        sorting={sorting}
        empty={
          <Empty
            title={text.noMembers}
            hint={text.membersHint}
            command={`truffle group add ${group.name} ann@example.com`}
          />
        }
        keyOf={({ subject }) => subject}
        columns={[
          { title: text.whoField, cell: ({ displayName, subject }) => displayName || subject },
          { title: text.added, sort: 'added_at', cell: ({ addedAt }) => <Ago at={addedAt} /> },
          {
            title: text.actions,
            cell: ({ subject, displayName }) => (
              <Confirm
                title={text.takeOutTitle}
                message={text.takeOutHint(displayName || subject, group.name)}
                action={text.takeOut}
                onConfirm={() => remove.mutate({ groupId: group.id, subject })}
              >
                <Act permission="group.update" on={group.orgId} size="1" variant="soft" color="red">
                  {text.takeOut}
                </Act>
              </Confirm>
            ),
          },
        ]}
      />
    </>
  );
}

function GroupActions({ group, orgId }: { readonly group: Group; readonly orgId: string }) {
  const { org } = useParams({ from: '/o/$org/access/groups/$groupId' });
  const navigate = useNavigate();
  const remove = useMutation(GroupService.method.deleteGroup, {
    onSuccess: () => void navigate({ to: '/o/$org/access/groups', params: { org } }),
  });
  return (
    <>
      <GroupForm
        orgId={orgId}
        group={group}
        trigger={
          <Act permission="group.update" on={orgId} variant="soft">
            {texts.confirm.change}
          </Act>
        }
      />
      <Confirm
        title={text.deleteTitle(group.name)}
        message={text.deleteGroupHint}
        action={texts.confirm.delete}
        name={group.name}
        onConfirm={() => remove.mutate({ groupId: group.id, revision: group.revision })}
      >
        <Act permission="group.delete" on={orgId} variant="soft" color="red">
          {texts.confirm.delete}
        </Act>
      </Confirm>
      {remove.error !== null && <Notice error={remove.error} />}
    </>
  );
}
