import type { Handler } from '../command.ts';
import { UsageError } from '../failure/cli-error.ts';
import { askSecret } from '../prompt/prompt.ts';
import { forgetToken, keepSession } from '../account/account.sign-in.ts';
import { readCode, readNewPassword, readPassword, type CodeFlags, type PasswordFlags } from './person.input.ts';

interface CreateFlags extends PasswordFlags, CodeFlags {
  readonly orgName?: string;
  readonly displayName?: string;
  readonly invited?: boolean;
}

export const create: Handler<CreateFlags> = async (cli, [email = ''], flags) => {
  const { orgName, displayName = '', invited = false } = flags;
  if ((orgName === undefined) !== invited)
    throw new UsageError('an account has an organization of its own or comes by an invitation', {
      next: ['--org-name NAME', '--invited, with the code of the invitation'],
    });
  const invitationToken = invited ? await readCode(cli, flags) : '';
  const password = await readNewPassword(cli, flags, 'New password');
  const { api } = await cli.sessionWith(undefined);
  const wanted = { email, password, name: displayName, orgName: orgName ?? '', invitationToken };
  const { sessionToken, verificationSent } = await api.accounts.signUp(wanted);
  if (!verificationSent) return keepSession(cli, sessionToken);
  await cli.out.plain({ email, verificationSent }, `a mail is on its way to ${email}`, email);
  cli.notes.say('follow its link, or: truffle account complete');
};

export const complete: Handler<CodeFlags & PasswordFlags & { readonly orgName?: string }> = async (cli, _, flags) => {
  const token = await readCode(cli, flags);
  const password = await readPassword(cli, flags, 'Password that you chose');
  const { api } = await cli.sessionWith(undefined);
  const made = await api.addresses.completeSignUp({ token, password, orgName: flags.orgName ?? '' });
  await keepSession(cli, made.sessionToken);
};

export const verify: Handler<CodeFlags> = async (cli, _, flags) => {
  const { api } = await cli.sessionWith(undefined);
  await api.addresses.verifyAddress({ token: await readCode(cli, flags) });
  await cli.out.plain({ verified: true }, 'the address is verified', 'verified');
};

export const resend: Handler = async (cli, [email = '']) => {
  const { api } = await cli.sessionWith(undefined);
  await api.addresses.resendVerification({ email });
  await cli.out.plain({ email }, `if ${email} waits to be verified, a mail is on its way`, email);
};

export const reset: Handler<CodeFlags & PasswordFlags & { readonly link?: boolean }> = async (cli, [email], flags) => {
  const { api } = await cli.sessionWith(undefined);
  if (flags.link !== true && flags.codeFile === undefined) {
    if (email === undefined)
      throw new UsageError('whose password?', {
        next: ['truffle account reset EMAIL', 'truffle account reset --link'],
      });
    await api.addresses.requestPasswordReset({ email });
    await cli.out.plain({ email }, `if ${email} has an account, a mail is on its way`, email);
    cli.notes.say('follow its link, or: truffle account reset --link');
    return;
  }
  const token = await readCode(cli, flags);
  await api.addresses.resetPassword({ token, newPassword: await readNewPassword(cli, flags, 'New password') });
  await cli.out.plain({ reset: true }, 'the password is set; sign in: truffle login', 'reset');
};

export const password: Handler = async (cli) => {
  const { api } = await cli.session();
  const instead = 'a terminal; without one: truffle account reset';
  const oldPassword = await askSecret(cli, 'Old password', instead);
  const newPassword = await readNewPassword(cli, {}, 'New password');
  await api.accounts.changePassword({ oldPassword, newPassword });
  await cli.out.plain({ changed: true }, 'the password is changed; your other sessions have ended', 'changed');
};

export const remove: Handler = async (cli, [email = '']) => {
  const { api } = await cli.session();
  await api.addresses.deleteAccount({ email });
  forgetToken(cli, cli.context().token?.value ?? '');
  await cli.out.plain({ deleted: true }, 'the account is deleted', 'deleted');
};

export const address: Handler = async (cli, [email = '']) => {
  const { api } = await cli.session();
  await api.addresses.changeAddress({ email });
  await cli.out.plain({ email }, `mails are on their way to ${email} and to your address of now`, email);
  cli.notes.say('follow the link that went to the new one, or: truffle account confirm-address');
};

export const confirmAddress: Handler<CodeFlags> = async (cli, _, flags) => {
  const { api } = await cli.sessionWith(undefined);
  await api.addresses.confirmAddress({ token: await readCode(cli, flags) });
  await cli.out.plain({ confirmed: true }, 'the account has its new address', 'confirmed');
};

export const keepAddress: Handler<CodeFlags> = async (cli, _, flags) => {
  const { api } = await cli.sessionWith(undefined);
  await api.addresses.keepAddress({ token: await readCode(cli, flags) });
  await cli.out.plain({ kept: true }, 'the account keeps its address; all of its sessions have ended', 'kept');
  cli.notes.say('set a new password: truffle account reset EMAIL');
};
