import { useMutation, useQuery } from '@connectrpc/connect-query';
import { FactorKind, type Factor } from '@truffle/api/tenant/v1/factor';
import { FactorService } from '@truffle/api/tenant/v1/factor_service';
import { Button, Flex, Text } from '@radix-ui/themes';
import { useQueryClient } from '@tanstack/react-query';
import { KeyRound, Smartphone } from 'lucide-react';
import { useState } from 'react';
import { texts } from '../../texts/texts.ts';
import { Confirm } from '../../ui/confirm.tsx';
import { Notice } from '../../ui/notice.tsx';
import { Ago } from '../../ui/time.tsx';
import { AddApp } from './add-app.tsx';
import { AddPasskey } from './add-passkey.tsx';
import { RecoveryCodes } from './recovery-codes.tsx';
import { Section } from './section.tsx';

const text = texts.account.factors;

/** Authenticator apps and passkeys, and the codes for when they are lost. */
export function Factors() {
  const client = useQueryClient();
  const { data, error } = useQuery(FactorService.method.listFactors, {});
  const [codes, setCodes] = useState<readonly string[]>([]);
  const changed = (shownOnce: readonly string[]): void => {
    setCodes(shownOnce);
    void client.invalidateQueries();
  };
  const regenerate = useMutation(FactorService.method.regenerateRecoveryCodes, {
    onSuccess: ({ recoveryCodes }) => changed(recoveryCodes),
  });
  const factors = data?.factors ?? [];
  return (
    <Section
      title={text.title}
      actions={
        <>
          <AddPasskey onAdded={changed} />
          <AddApp onAdded={changed} />
        </>
      }
    >
      {error !== null && <Notice error={error} />}
      {data !== undefined && factors.length === 0 && (
        <Text size="2" color="gray">
          {text.none}
        </Text>
      )}
      {factors.map((factor) => (
        <FactorLine key={factor.id} factor={factor} onRemoved={() => changed([])} />
      ))}
      {regenerate.error !== null && <Notice error={regenerate.error} />}
      {factors.length > 0 && (
        <Flex justify="between" align="center" gap="3" wrap="wrap">
          <Text size="2" color="gray">
            {text.codesLeft(data?.recoveryCodesLeft ?? 0)}
          </Text>
          <Confirm
            title={text.regenerate}
            message={text.regenerateHint}
            action={text.regenerate}
            onConfirm={() => regenerate.mutate({})}
          >
            <Button variant="soft" color="gray" loading={regenerate.isPending}>
              {text.regenerate}
            </Button>
          </Confirm>
        </Flex>
      )}
      <RecoveryCodes codes={codes} onDone={() => setCodes([])} />
    </Section>
  );
}

function FactorLine({ factor, onRemoved }: { readonly factor: Factor; readonly onRemoved: () => void }) {
  const remove = useMutation(FactorService.method.deleteFactor, { onSuccess: onRemoved });
  const Icon = factor.kind === FactorKind.PASSKEY ? KeyRound : Smartphone;
  return (
    <>
      <Flex justify="between" align="center" gap="3">
        <Flex gap="2" align="center">
          <Icon size={16} aria-hidden />
          <Flex direction="column">
            <Text size="2" weight="medium">
              {factor.name}
            </Text>
            <Text size="1" color="gray">
              {text.kinds[factor.kind]} · {text.used} <Ago at={factor.lastUsedAt} />
            </Text>
          </Flex>
        </Flex>
        <Confirm
          title={text.removeTitle(factor.name)}
          message={text.removeHint}
          action={text.remove}
          onConfirm={() => remove.mutate({ factorId: factor.id })}
        >
          <Button variant="soft" color="red" loading={remove.isPending} aria-label={text.removeTitle(factor.name)}>
            {text.remove}
          </Button>
        </Confirm>
      </Flex>
      {remove.error !== null && <Notice error={remove.error} />}
    </>
  );
}
