import type { TruffleClient } from '@truffle/api';
import { ProofKind, type ProofChallenge } from '@truffle/api/tenant/v1/session';
import { CliError, exitCodes } from '../failure/cli-error.ts';
import type { Invocation } from '../invocation.ts';
import { askSecret, askText } from '../prompt/prompt.ts';

/** How a person proves who they are, as the API takes it. */
type Proof = NonNullable<Parameters<TruffleClient['sessions']['stepUp']>[0]['proof']>;

/** Asks for what a challenge wants. Passkeys need a browser: here a recovery code stands in for them. */
export async function askProof(cli: Pick<Invocation, 'interactive'>, asked: ProofChallenge): Promise<Proof> {
  const { challenge, kinds } = asked;
  const instead = 'an API key (TRUFFLE_TOKEN_FILE), which is never asked';
  if (kinds.includes(ProofKind.PASSWORD))
    return { challenge, proof: { case: 'password', value: await askSecret(cli, 'Password', instead) } };
  const words = [
    ...(kinds.includes(ProofKind.TOTP) ? ['code of your authenticator app'] : []),
    ...(kinds.includes(ProofKind.RECOVERY_CODE) ? ['recovery code'] : []),
  ].join(', or ');
  if (words === '')
    throw new CliError(exitCodes.notSignedIn, 'PASSKEY_ONLY', 'only a passkey will do, which needs a browser', {
      next: ['do this in the console', 'or there: add an authenticator app, or make recovery codes anew'],
    });
  const typed = (await askText(cli, `${words.charAt(0).toUpperCase()}${words.slice(1)}`, instead)).trim();
  const digits = typed.replaceAll(' ', '');
  return /^\d{6}$/.test(digits)
    ? { challenge, proof: { case: 'totpCode', value: digits } }
    : { challenge, proof: { case: 'recoveryCode', value: typed } };
}

/** Lets the person prove again who they are, so that dangerous actions are open to their session; answers the token that it has from now on. */
export async function stepUp(cli: Pick<Invocation, 'interactive' | 'notes'>, api: TruffleClient): Promise<string> {
  cli.notes.say('this is dangerous: prove again who you are');
  const { challenge } = await api.sessions.startStepUp({});
  if (challenge === undefined) throw new TypeError('the control plane asks for nothing');
  return (await api.sessions.stepUp({ proof: await askProof(cli, challenge) })).sessionToken;
}
