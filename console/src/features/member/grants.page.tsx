import { useMutation } from '@connectrpc/connect-query';
import { Badge, Text } from '@radix-ui/themes';
import { Effect, type Binding } from '@truffle/api/tenant/v1/account';
import { MemberService } from '@truffle/api/tenant/v1/account_service';
import { texts } from '../../texts/texts.ts';
import { Confirm } from '../../ui/confirm.tsx';
import { List } from '../../ui/list.tsx';
import { Act } from '../../ui/may.tsx';
import { Empty, Notice } from '../../ui/notice.tsx';
import { Page } from '../../ui/page.tsx';
import { usePages } from '../../ui/pages.ts';
import { useSorting } from '../../ui/sorting.ts';
import { Ago } from '../../ui/time.tsx';
import { useDirectory } from '../access/directory.ts';
import { roleName } from '../access/role-field.tsx';
import { Give } from './give.tsx';

const text = texts.access;

/** Every role that somebody has somewhere: what they are made of who may do what. */
export default function GrantsPage() {
  const directory = useDirectory();
  const { orgId, nameOf } = directory;
  const remove = useMutation(MemberService.method.deleteBinding);
  const sorting = useSorting('created_at');
  const asked = { orgId, orderBy: sorting.by };
  const pages = usePages(MemberService.method.listBindings, asked, ({ bindings }) => bindings, {
    size: 500,
    enabled: orgId !== '',
  });
  const whoOf = ({ email, subject }: Binding): string => email || nameOf(subject.split(':')[1] ?? '');
  return (
    <Page title={text.grants} actions={<Give directory={directory} />}>
      <Text color="gray" size="2">
        {text.grantsHint}
      </Text>
      {remove.error !== null && <Notice error={remove.error} />}
      <List
        label={text.grants}
        pages={pages}
        sorting={sorting}
        empty={
          <Empty
            title={text.noGrants}
            hint={text.grantsHint}
            command="truffle member set ann@example.com --role operator"
          />
        }
        keyOf={({ id }) => id}
        columns={[
          { title: text.whoField, cell: (binding) => <Text weight="medium">{whoOf(binding)}</Text> },
          { title: text.role, sort: 'role', cell: ({ role, roleId }) => roleName(role, roleId, nameOf) },
          {
            title: text.effect,
            cell: ({ effect }) => (
              <Badge highContrast color={effect === Effect.DENY ? 'red' : 'green'}>
                {text.effects[effect]}
              </Badge>
            ),
          },
          { title: text.place, cell: ({ scopeId }) => nameOf(scopeId) },
          {
            title: text.begins,
            cell: ({ startsAt }) => (startsAt === undefined ? text.atOnce : <Ago at={startsAt} />),
          },
          { title: text.ends, sort: 'expires_at', cell: ({ expiresAt }) => <Ago at={expiresAt} /> },
          { title: text.given, sort: 'created_at', cell: ({ createdAt }) => <Ago at={createdAt} /> },
          {
            title: text.actions,
            cell: (binding) => (
              <Confirm
                title={text.takeTitle}
                message={text.takeHint(roleName(binding.role, binding.roleId, nameOf), whoOf(binding))}
                action={text.take}
                onConfirm={() => remove.mutate({ bindingId: binding.id })}
              >
                <Act permission="member.delete" on={binding.scopeId} size="1" variant="soft" color="red">
                  {text.take}
                </Act>
              </Confirm>
            ),
          },
        ]}
      />
    </Page>
  );
}
