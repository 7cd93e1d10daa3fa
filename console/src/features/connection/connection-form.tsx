import { useMutation } from '@connectrpc/connect-query';
import { Flex, Switch, Text } from '@radix-ui/themes';
import { Role } from '@truffle/api/tenant/v1/account';
import type { Connection } from '@truffle/api/tenant/v1/connection';
import { ConnectionService } from '@truffle/api/tenant/v1/connection_service';
import { texts } from '../../texts/texts.ts';
import { useDraft, type DraftField } from '../../ui/draft.ts';
import { Field } from '../../ui/field.tsx';
import { FormDialog } from '../../ui/form-dialog.tsx';
import { Act } from '../../ui/may.tsx';
import { Merge } from '../../ui/merge.tsx';
import type { Directory } from '../access/directory.ts';
import { Mappings, showMapping, type Mapping } from './mappings.tsx';

const text = texts.security;

interface Wanted {
  readonly name: string;
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scopes: readonly string[];
  readonly mappings: readonly Mapping[];
  readonly bearer: boolean;
  readonly enabled: boolean;
}

const yesNo = (yes: boolean): string => (yes ? texts.access.yes : texts.access.no);
const fields: readonly DraftField<Wanted>[] = [
  { key: 'name', label: texts.access.name, show: ({ name }) => name },
  { key: 'issuer', label: texts.access.issuer, show: ({ issuer }) => issuer },
  { key: 'clientId', label: text.clientId, show: ({ clientId }) => clientId },
  // What is typed here is kept by nobody else: it never differs from what the server shows.
  { key: 'clientSecret', label: text.clientSecret, show: ({ clientSecret }) => clientSecret.replaceAll(/./g, '•') },
  { key: 'scopes', label: text.scopes, show: ({ scopes }) => scopes.join(' ') },
  { key: 'mappings', label: text.gives, show: ({ mappings }) => mappings.map(showMapping).join('\n') },
  { key: 'bearer', label: text.bearer, show: ({ bearer }) => yesNo(bearer) },
  { key: 'enabled', label: text.enabled, show: ({ enabled }) => yesNo(enabled) },
];

function wantedOf(connection: Connection | undefined, orgId: string): Wanted {
  const { name = '', issuer = '', clientId = '', scopes = ['email', 'profile'], bearer = false } = connection ?? {};
  const mappings = connection?.mappings ?? [{ claim: '', value: '', role: Role.VIEWER, scopeId: orgId }];
  return { name, issuer, clientId, clientSecret: '', scopes, mappings, bearer, enabled: connection?.enabled ?? true };
}

interface ConnectionFormProps {
  readonly directory: Directory;
  /** The connection to change, as it is; unset for a new one. */
  readonly connection?: Connection;
}

/** An OpenID provider to sign in by, and what its claims give. */
export function ConnectionForm({ directory, connection }: ConnectionFormProps) {
  const { orgId } = directory;
  const draft = useDraft(wantedOf(connection, orgId), connection?.revision ?? 0n, fields);
  const create = useMutation(ConnectionService.method.createConnection);
  const update = useMutation(ConnectionService.method.updateConnection);
  const { isPending, error } = connection === undefined ? create : update;
  const { value } = draft;
  const wanted = { ...value, scopes: [...value.scopes], mappings: value.mappings.map((each) => ({ ...each })) };
  const trigger =
    connection === undefined ? (
      <Act permission="connection.manage" on={orgId}>
        {text.connect}
      </Act>
    ) : (
      <Act
        permission="connection.manage"
        on={orgId}
        size="1"
        variant="soft"
        aria-label={texts.access.changeOf(connection.name)}
      >
        {texts.confirm.change}
      </Act>
    );
  return (
    <FormDialog
      wide
      title={connection === undefined ? text.connect : texts.access.changeOf(connection.name)}
      hint={text.connectHint}
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
        connection === undefined
          ? create.mutateAsync({ orgId, ...wanted })
          : update.mutateAsync({ connectionId: connection.id, revision: draft.revision, ...wanted })
      }
    >
      <Merge draft={draft} orgId={orgId} resourceId={connection?.id ?? ''} />
      <Provider value={value} keepsSecret={connection?.hasClientSecret === true} onChange={draft.set} />
      <Mappings
        mappings={value.mappings}
        places={directory.tree}
        orgId={orgId}
        onChange={(mappings) => draft.set({ mappings })}
      />
      {connection !== undefined && (
        <Text as="label" size="2">
          <Flex gap="2" align="center">
            <Switch checked={value.enabled} onCheckedChange={(enabled) => draft.set({ enabled })} /> {text.enabled}
          </Flex>
        </Text>
      )}
      <Text as="label" size="2">
        <Flex gap="2" align="center">
          <Switch checked={value.bearer} onCheckedChange={(bearer) => draft.set({ bearer })} /> {text.bearer}
        </Flex>
      </Text>
    </FormDialog>
  );
}

interface ProviderProps {
  readonly value: Wanted;
  readonly keepsSecret: boolean;
  readonly onChange: (patch: Partial<Wanted>) => void;
}

function Provider({ value, keepsSecret, onChange }: ProviderProps) {
  return (
    <>
      <Field
        label={texts.access.name}
        name="name"
        required
        value={value.name}
        onChange={(event) => onChange({ name: event.target.value })}
      />
      <Field
        label={texts.access.issuer}
        name="issuer"
        type="url"
        required
        placeholder="https://login.acme.example/realms/staff"
        value={value.issuer}
        onChange={(event) => onChange({ issuer: event.target.value })}
      />
      <Field
        label={text.clientId}
        name="clientId"
        required
        value={value.clientId}
        onChange={(event) => onChange({ clientId: event.target.value })}
      />
      <Field
        label={text.clientSecret}
        name="clientSecret"
        type="password"
        autoComplete="off"
        hint={keepsSecret ? text.secretKept : text.secretNone}
        value={value.clientSecret}
        onChange={(event) => onChange({ clientSecret: event.target.value })}
      />
      <Field
        label={text.scopes}
        name="scopes"
        hint={text.scopesHint}
        value={value.scopes.join(' ')}
        onChange={(event) => onChange({ scopes: event.target.value.split(' ') })}
        onBlur={() => onChange({ scopes: value.scopes.filter((scope) => scope !== '') })}
      />
    </>
  );
}
