import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { useMutation } from '@connectrpc/connect-query';
import type { ApiKey } from '@truffle/api/tenant/v1/account';
import { ApiKeyService } from '@truffle/api/tenant/v1/account_service';
import { useState } from 'react';
import { texts } from '../../texts/texts.ts';
import { Choice } from '../../ui/choice.tsx';
import { FormDialog } from '../../ui/form-dialog.tsx';
import { Act } from '../../ui/may.tsx';
import { SecretOnce } from '../../ui/secret.tsx';

const text = texts.access;
const hourMs = 3_600_000;
const overlaps = [0, 1, 24, 24 * 7, 24 * 30];

/** Gives a key a new secret, while the old one stays good for as long as whoever uses it needs. */
export function RotateKey({ apiKey }: { readonly apiKey: ApiKey }) {
  const [hours, setHours] = useState('24');
  const rotate = useMutation(ApiKeyService.method.rotateApiKey);
  return (
    <FormDialog
      title={text.rotateTitle(apiKey.name)}
      hint={text.rotateHint}
      trigger={
        <Act
          permission="api_key.rotate"
          on={apiKey.scopeId}
          size="1"
          variant="soft"
          aria-label={text.rotateOf(apiKey.name)}
        >
          {text.rotate}
        </Act>
      }
      action={text.rotate}
      pending={rotate.isPending}
      error={rotate.error}
      onOpen={() => rotate.reset()}
      onSend={() => rotate.mutateAsync({ apiKeyId: apiKey.id, overlap: durationFromMs(Number(hours) * hourMs) })}
      result={rotate.data === undefined ? undefined : <SecretOnce secret={rotate.data.secret} hint={text.keyUse} />}
    >
      <Choice
        label={text.overlap}
        value={hours}
        options={overlaps.map((each) => ({ value: String(each), label: text.overlaps(each) }))}
        onChange={setHours}
      />
    </FormDialog>
  );
}
