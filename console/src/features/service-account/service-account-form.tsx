import { useMutation } from '@connectrpc/connect-query';
import { Flex, Switch, Text } from '@radix-ui/themes';
import type { ServiceAccount } from '@truffle/api/tenant/v1/service_account';
import { ServiceAccountService } from '@truffle/api/tenant/v1/service_account_service';
import type { ReactNode } from 'react';
import { texts } from '../../texts/texts.ts';
import { useDraft, type DraftField } from '../../ui/draft.ts';
import { Field } from '../../ui/field.tsx';
import { FormDialog } from '../../ui/form-dialog.tsx';
import { Merge } from '../../ui/merge.tsx';
import { NameField } from '../../ui/name-field.tsx';

const text = texts.access;

interface Described {
  readonly name: string;
  readonly description: string;
  readonly disabled: boolean;
}

const fields: readonly DraftField<Described>[] = [
  { key: 'description', label: text.about, show: ({ description }) => description },
  { key: 'disabled', label: text.state, show: ({ disabled }) => (disabled ? text.disabled : text.enabled) },
];

interface ServiceAccountFormProps {
  readonly orgId: string;
  /** The account to change, as it is; unset for a new one. */
  readonly account?: ServiceAccount;
  readonly trigger: ReactNode;
}

/** What a service account is for, and whether its keys are let in. */
export function ServiceAccountForm({ orgId, account, trigger }: ServiceAccountFormProps) {
  const draft = useDraft<Described>(
    account ?? { name: '', description: '', disabled: false },
    account?.revision ?? 0n,
    fields,
  );
  const create = useMutation(ServiceAccountService.method.createServiceAccount);
  const update = useMutation(ServiceAccountService.method.updateServiceAccount);
  const { isPending, error } = account === undefined ? create : update;
  const { name, description, disabled } = draft.value;
  return (
    <FormDialog
      title={account === undefined ? text.newServiceAccount : text.changeOf(account.name)}
      hint={text.serviceAccountHint}
      trigger={trigger}
      action={texts.confirm.save}
      pending={isPending}
      error={draft.stale ? null : error}
      onOpen={() => {
        create.reset();
        update.reset();
        draft.begin();
      }}
      onSend={() =>
        account === undefined
          ? create.mutateAsync({ orgId, name, description })
          : update.mutateAsync({ serviceAccountId: account.id, description, disabled, revision: draft.revision })
      }
    >
      <Merge draft={draft} orgId={orgId} resourceId={account?.id ?? ''} />
      {account === undefined && <NameField value={name} onChange={(called) => draft.set({ name: called })} />}
      <Field
        label={text.about}
        name="description"
        maxLength={300}
        value={description}
        onChange={(event) => draft.set({ description: event.target.value })}
      />
      {account !== undefined && (
        <Text as="label" size="2">
          <Flex gap="2" align="center">
            <Switch checked={!disabled} onCheckedChange={(on) => draft.set({ disabled: !on })} /> {text.letIn}
          </Flex>
        </Text>
      )}
    </FormDialog>
  );
}
