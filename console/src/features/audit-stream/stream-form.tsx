import { useMutation } from '@connectrpc/connect-query';
import { Text, TextArea } from '@radix-ui/themes';
import { AuditStreamKind } from '@truffle/api/tenant/v1/audit_stream';
import { AuditStreamService } from '@truffle/api/tenant/v1/audit_stream_service';
import { useId, useState } from 'react';
import { texts } from '../../texts/texts.ts';
import { Choice } from '../../ui/choice.tsx';
import { Field } from '../../ui/field.tsx';
import { FormDialog } from '../../ui/form-dialog.tsx';
import { Act } from '../../ui/may.tsx';
import { SecretOnce } from '../../ui/secret.tsx';

const text = texts.security;
const kinds = [AuditStreamKind.WEBHOOK, AuditStreamKind.SYSLOG_TLS, AuditStreamKind.SYSLOG_TCP];
const first = { name: '', kind: AuditStreamKind.WEBHOOK, address: '', caPem: '' };

/** Has the audit trail sent somewhere from now on. A webhook's secret is shown once. */
export function StreamForm({ orgId }: { readonly orgId: string }) {
  const caId = useId();
  const [form, setForm] = useState(first);
  const change = (patch: Partial<typeof first>): void => setForm({ ...form, ...patch });
  const create = useMutation(AuditStreamService.method.createAuditStream);
  const { name, ...target } = form;
  return (
    <FormDialog
      title={text.newStream}
      hint={text.streamHint}
      trigger={
        <Act permission="audit_stream.create" on={orgId}>
          {text.newStream}
        </Act>
      }
      action={texts.confirm.save}
      pending={create.isPending}
      error={create.error}
      onOpen={() => {
        create.reset();
        setForm(first);
      }}
      onSend={() => create.mutateAsync({ orgId, name, target })}
      result={
        create.data === undefined ? undefined : create.data.secret === '' ? (
          <Text>{text.streamMade}</Text>
        ) : (
          <SecretOnce secret={create.data.secret} hint={text.streamSecret} />
        )
      }
    >
      <Field
        label={texts.access.name}
        name="name"
        required
        pattern="[a-z][a-z0-9\-]{0,39}"
        hint={texts.cluster.nameHint}
        value={name}
        onChange={(event) => change({ name: event.target.value })}
      />
      <Choice
        label={text.how}
        value={String(form.kind)}
        options={kinds.map((kind) => ({ value: String(kind), label: text.streamKinds[kind] ?? '' }))}
        onChange={(value) => change({ kind: kinds.find((kind) => String(kind) === value) ?? AuditStreamKind.WEBHOOK })}
      />
      <Field
        label={text.goesTo}
        name="address"
        required
        placeholder={
          form.kind === AuditStreamKind.WEBHOOK ? 'https://siem.acme.example/hook' : 'siem.acme.example:6514'
        }
        value={form.address}
        onChange={(event) => change({ address: event.target.value })}
      />
      {form.kind !== AuditStreamKind.SYSLOG_TCP && (
        <div>
          <Text as="label" htmlFor={caId} size="2" weight="medium">
            {text.ca}
          </Text>
          <TextArea
            id={caId}
            mt="1"
            rows={3}
            placeholder="-----BEGIN CERTIFICATE-----"
            value={form.caPem}
            onChange={(event) => change({ caPem: event.target.value })}
          />
        </div>
      )}
    </FormDialog>
  );
}
