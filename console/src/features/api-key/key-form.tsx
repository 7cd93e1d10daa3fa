import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { useMutation, useQuery } from '@connectrpc/connect-query';
import { Role } from '@truffle/api/tenant/v1/account';
import { ApiKeyService } from '@truffle/api/tenant/v1/account_service';
import { AccessService } from '@truffle/api/tenant/v1/access_service';
import { useState } from 'react';
import { texts } from '../../texts/texts.ts';
import { Choice } from '../../ui/choice.tsx';
import { Field } from '../../ui/field.tsx';
import { FormDialog } from '../../ui/form-dialog.tsx';
import { Act } from '../../ui/may.tsx';
import { SecretOnce } from '../../ui/secret.tsx';
import type { Directory } from '../access/directory.ts';
import { RoleField, viewer, type ChosenRole } from '../access/role-field.tsx';
import { PermissionChoice } from '../role/permission-choice.tsx';

const text = texts.access;
const ownRole = 'own';
const everywhere = 'everywhere';
const dayMs = 86_400_000;
const lifetimes = [1, 7, 30, 90, 365, 0];

interface KeyFields {
  readonly name: string;
  /** A service account's id, or `ownRole`. */
  readonly whose: string;
  readonly role: ChosenRole;
  readonly scopeId: string;
  readonly days: string;
  readonly permissions: readonly string[];
  /** A place's id, or `everywhere`. */
  readonly narrowTo: string;
}

interface KeyFormProps {
  readonly directory: Directory;
  /** Id of the service account that the key is first proposed for; empty for none. */
  readonly account: string;
}

/** Makes a key: one with a role of its own, or a service account's. Its secret is shown once. */
export function KeyForm({ directory, account }: KeyFormProps) {
  const { orgId, tree, serviceAccounts } = directory;
  const first: KeyFields = {
    name: '',
    whose: account || ownRole,
    role: viewer,
    scopeId: orgId,
    days: '90',
    permissions: [],
    narrowTo: everywhere,
  };
  const [form, setForm] = useState(first);
  const change = (patch: Partial<KeyFields>): void => setForm({ ...form, ...patch });
  const create = useMutation(ApiKeyService.method.createApiKey);
  const own = form.whose === ownRole;
  const send = () =>
    create.mutateAsync({
      name: form.name,
      ...(form.days === '0' ? {} : { expiresAt: timestampFromMs(Date.now() + Number(form.days) * dayMs) }),
      ...(own
        ? { scopeId: form.scopeId, role: form.role.role }
        : {
            scopeId: orgId,
            role: Role.UNSPECIFIED,
            serviceAccountId: form.whose,
            permissions: [...form.permissions],
            scopeIds: form.narrowTo === everywhere ? [] : [form.narrowTo],
          }),
    });
  return (
    <FormDialog
      wide={!own}
      title={text.newKey}
      hint={text.keyHint}
      trigger={
        <Act permission="api_key.create" on={tree.map(({ value }) => value)}>
          {text.newKey}
        </Act>
      }
      action={text.makeKey}
      pending={create.isPending}
      error={create.error}
      onOpen={() => {
        create.reset();
        setForm(first);
      }}
      onSend={send}
      result={create.data === undefined ? undefined : <SecretOnce secret={create.data.secret} hint={text.keyUse} />}
    >
      <Field
        label={text.name}
        name="name"
        required
        maxLength={120}
        value={form.name}
        onChange={(event) => change({ name: event.target.value })}
      />
      <Choice
        label={text.whose}
        value={form.whose}
        options={[{ value: ownRole, label: text.keyOfItsOwn }, ...serviceAccounts]}
        onChange={(whose) => change({ whose })}
      />
      <Bounds form={form} directory={directory} onChange={change} />
      <Choice
        label={text.ends}
        value={form.days}
        options={lifetimes.map((each) => ({ value: String(each), label: text.lifetimes(each) }))}
        onChange={(days) => change({ days })}
      />
    </FormDialog>
  );
}

interface BoundsProps {
  readonly form: KeyFields;
  readonly directory: Directory;
  readonly onChange: (patch: Partial<KeyFields>) => void;
}

/** What the key may do, and where. */
function Bounds({ form, directory, onChange }: BoundsProps) {
  const { tree, places } = directory;
  const { data } = useQuery(AccessService.method.listPermissions);
  if (form.whose === ownRole)
    return (
      <>
        <RoleField value={form.role} onChange={(role) => onChange({ role })} />
        <Choice label={text.place} value={form.scopeId} options={tree} onChange={(scopeId) => onChange({ scopeId })} />
      </>
    );
  return (
    <>
      <Choice
        label={text.narrowPlace}
        value={form.narrowTo}
        options={[{ value: everywhere, label: text.everywhere }, ...places]}
        onChange={(narrowTo) => onChange({ narrowTo })}
      />
      <PermissionChoice
        permissions={data?.permissions ?? []}
        chosen={form.permissions}
        onChange={(permissions) => onChange({ permissions })}
      />
    </>
  );
}
