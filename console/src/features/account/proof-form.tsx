import type { MessageInitShape } from '@bufbuild/protobuf';
import { ProofKind, type ProofChallenge } from '@truffle/api/tenant/v1/session';
import type { ProofSchema } from '@truffle/api/tenant/v1/session_service';
import { Button, Flex } from '@radix-ui/themes';
import { KeyRound } from 'lucide-react';
import { useState } from 'react';
import { texts } from '../../texts/texts.ts';
import { Field } from '../../ui/field.tsx';
import { Notice } from '../../ui/notice.tsx';
import { hasPasskeys, provePasskey } from './passkey.ts';
import { valueOf } from './entrance.tsx';

const text = texts.account.proof;

type Proof = MessageInitShape<typeof ProofSchema>;

interface ProofFormProps {
  readonly challenge: ProofChallenge;
  readonly onProof: (proof: Proof) => void;
  readonly pending: boolean;
  /** What was wrong with the last one. */
  readonly error: Error | null;
}

/** The best first. */
const order = [ProofKind.PASSKEY, ProofKind.TOTP, ProofKind.PASSWORD, ProofKind.RECOVERY_CODE];

/** Asks for one of the proofs that a challenge takes. */
export function ProofForm({ challenge, onProof, pending, error }: ProofFormProps) {
  const kinds = order.filter((kind) => challenge.kinds.includes(kind) && (kind !== ProofKind.PASSKEY || hasPasskeys()));
  const [chosen, setChosen] = useState<ProofKind>();
  const [failed, setFailed] = useState<Error | null>(null);
  const kind = chosen ?? kinds[0];
  const passkey = async (): Promise<void> => {
    setFailed(null);
    try {
      onProof({
        challenge: challenge.challenge,
        proof: { case: 'passkey', value: await provePasskey(challenge.passkeyOptions ?? {}) },
      });
    } catch (cause) {
      setFailed(cause instanceof Error ? cause : new Error(String(cause)));
    }
  };
  const shown = error ?? failed;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (kind === ProofKind.PASSKEY) return void passkey();
        const value = valueOf(event.currentTarget, 'proof').trim();
        onProof({ challenge: challenge.challenge, proof: { case: caseOf(kind), value } });
      }}
    >
      <Flex direction="column" gap="4">
        {shown !== null && <Notice error={shown} />}
        {kind !== undefined && kind !== ProofKind.PASSKEY && <ProofField key={kind} kind={kind} />}
        <Button type="submit" loading={pending} autoFocus={kind === ProofKind.PASSKEY}>
          {kind === ProofKind.PASSKEY && <KeyRound size={16} aria-hidden />}
          {kind === ProofKind.PASSKEY ? text.passkey : text.goOn}
        </Button>
        {kinds
          .filter((other) => other !== kind)
          .map((other) => (
            <Button key={other} type="button" variant="ghost" onClick={() => setChosen(other)}>
              {text.instead[other]}
            </Button>
          ))}
      </Flex>
    </form>
  );
}

const caseOf = (kind: ProofKind | undefined): 'password' | 'totpCode' | 'recoveryCode' =>
  kind === ProofKind.PASSWORD ? 'password' : kind === ProofKind.TOTP ? 'totpCode' : 'recoveryCode';

function ProofField({ kind }: { readonly kind: ProofKind }) {
  const shape =
    kind === ProofKind.TOTP
      ? ({ inputMode: 'numeric', pattern: '[0-9]{6}', maxLength: 6, autoComplete: 'one-time-code' } as const)
      : kind === ProofKind.PASSWORD
        ? ({ type: 'password', autoComplete: 'current-password' } as const)
        : ({ autoComplete: 'off' } as const);
  return (
    <Field name="proof" label={text.labels[kind] ?? ''} hint={text.hints[kind] ?? ''} required autoFocus {...shape} />
  );
}
