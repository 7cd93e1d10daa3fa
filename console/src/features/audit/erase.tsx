import { useMutation } from '@connectrpc/connect-query';
import { AuditService } from '@truffle/api/tenant/v1/audit_service';
import { Text } from '@radix-ui/themes';
import { useState } from 'react';
import { texts } from '../../texts/texts.ts';
import { Field } from '../../ui/field.tsx';
import { FormDialog } from '../../ui/form-dialog.tsx';
import { Act } from '../../ui/may.tsx';

const text = texts.audit;

/** Takes what is personal about somebody out of the trail. */
export function EraseSubject({ orgId }: { readonly orgId: string }) {
  const erase = useMutation(AuditService.method.eraseAuditSubject);
  const [subject, setSubject] = useState('');
  const [again, setAgain] = useState('');
  return (
    <FormDialog
      title={text.erase}
      hint={text.eraseHint}
      trigger={
        <Act permission="audit.erase" on={orgId} variant="soft" color="red">
          {text.erase}
        </Act>
      }
      action={text.erase}
      pending={erase.isPending}
      error={erase.error}
      onOpen={() => {
        erase.reset();
        setSubject('');
        setAgain('');
      }}
      onSend={() => erase.mutateAsync({ orgId, subject })}
      result={erase.data && <Text role="status">{text.erasedCount(erase.data.erased)}</Text>}
    >
      <Field
        label={text.eraseSubject}
        name="subject"
        hint={text.eraseSubjectHint}
        pattern="(user:usr|key:key)_[0-9a-z]{26}"
        autoComplete="off"
        required
        value={subject}
        onChange={(event) => setSubject(event.target.value.trim())}
      />
      <Field
        label={text.eraseAsk(subject || '…')}
        name="again"
        // What was typed above, and nothing else.
        pattern={subject}
        autoComplete="off"
        required
        value={again}
        onChange={(event) => setAgain(event.target.value.trim())}
      />
    </FormDialog>
  );
}
