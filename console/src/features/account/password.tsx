import { ConnectError } from '@connectrpc/connect';
import { useMutation } from '@connectrpc/connect-query';
import { AccountService } from '@truffle/api/tenant/v1/account_service';
import { Button, Flex, Text } from '@radix-ui/themes';
import { useQueryClient } from '@tanstack/react-query';
import { texts } from '../../texts/texts.ts';
import { findErrorInfo } from '../../ui/error-info.ts';
import { Field } from '../../ui/field.tsx';
import { Notice } from '../../ui/notice.tsx';
import { valueOf } from './entrance.tsx';
import { Section } from './section.tsx';

const text = texts.account;

/** Changes the password; every other session ends. */
export function Password() {
  const client = useQueryClient();
  const change = useMutation(AccountService.method.changePassword, {
    onSuccess: () => void client.invalidateQueries(),
  });
  const wrong = change.error === null ? [] : findErrorInfo(ConnectError.from(change.error)).fields;
  const problemOf = (name: string): string | undefined => wrong.find(({ field }) => field === name)?.description;
  return (
    <Section title={text.password}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const form = event.currentTarget;
          change.mutate(
            { oldPassword: valueOf(form, 'old'), newPassword: valueOf(form, 'new') },
            { onSuccess: () => form.reset() },
          );
        }}
      >
        <Flex direction="column" gap="3" maxWidth="380px">
          {change.error !== null && wrong.length === 0 && <Notice error={change.error} />}
          <Field
            label={text.oldPassword}
            name="old"
            type="password"
            autoComplete="current-password"
            required
            problem={problemOf('old_password')}
          />
          <Field
            label={text.newPassword}
            name="new"
            type="password"
            autoComplete="new-password"
            minLength={10}
            hint={text.passwordHint}
            required
            problem={problemOf('new_password')}
          />
          <Flex gap="3" align="center">
            <Button type="submit" variant="soft" loading={change.isPending}>
              {text.changePassword}
            </Button>
            <Text role="status" size="2">
              {change.isSuccess ? text.passwordChanged : ''}
            </Text>
          </Flex>
        </Flex>
      </form>
    </Section>
  );
}
