import type { Transaction } from '@truffle/database';
import { EnvelopeError, installation, type Envelope } from '@truffle/envelope';
import { findUser, findUserByEmail, type UserRow } from '../account/account.repo.ts';
import { findOpenSignUp, findSignUp } from '../account/sign-up.repo.ts';
import { roleNameOf } from '../binding/binding.ts';
import { findInvitation, isOpen } from '../invitation/invitation.repo.ts';
import { newCredential } from '../credential/credential.ts';
import type { LinkKind } from '../link/link.ts';
import { endLinks, insertLink, type WantedLink } from '../link/link.repo.ts';
import { findOrganization } from '../organization/organization.repo.ts';
import { placeIn, sealedColumns } from '../secret/secret.columns.ts';
import type { TenantTables } from '../tables.ts';
import type { MailKind } from './mail.ts';
import { findToken, keepToken, type MailRow } from './mail.repo.ts';
import { mailText, type MailText, type MailValues, type TextName } from './mail.texts.ts';

/** What it takes to write a mail. */
export interface MailDesk {
  readonly tx: Transaction<TenantTables>;
  readonly envelope: Envelope;
  /** Where people reach the product; empty where that is not known: mails then carry codes without links. */
  readonly origin: string;
  readonly now: Date;
}

type Writer = (desk: MailDesk, mail: MailRow) => Promise<MailText | undefined>;

/**
 * The text of a mail, made when it is sent: whether an address has an account is looked up here and not in the call that asked, which
 * therefore takes as long and answers alike for every address. Undefined when there is nothing to say any more.
 */
export async function writeMail(desk: MailDesk, mail: MailRow): Promise<MailText | undefined> {
  return writers[mail.kind as MailKind]?.(desk, mail);
}

/** A mail to the person whom it is about. */
const notice =
  (name: TextName): Writer =>
  async ({ tx, origin }, mail) => {
    const user = await findUser(tx, mail.subject);
    return user && mailText(name, user.locale, { ...mail.parameters, origin });
  };

const writers: Readonly<Record<MailKind, Writer>> = {
  sign_up: writeSignUp,
  verify: writeVerify,
  reset: async (desk, mail) => {
    const user = await findUserByEmail(desk.tx, mail.email);
    if (user === undefined) return undefined;
    if (mail.attempts === 1) await endLinks(desk.tx, user.id, 'reset');
    return withLink(desk, mail, user, { kind: 'reset', text: 'reset' });
  },
  invitation: writeInvitation,
  address_change: async (desk, mail) => {
    const user = await findUser(desk.tx, mail.subject);
    if (user === undefined) return undefined;
    if ((await findUserByEmail(desk.tx, mail.email)) !== undefined)
      return mailText('address_taken', user.locale, { origin: desk.origin });
    return withLink(desk, mail, user, { kind: 'address_change', text: 'address_change' });
  },
  address_keep: async (desk, mail) => {
    const user = await findUser(desk.tx, mail.subject);
    return user && withLink(desk, mail, user, { kind: 'address_keep', text: 'address_keep' });
  },
  address_changed: notice('address_changed'),
  password_changed: notice('password_changed'),
  new_device: notice('new_device'),
  impersonated: notice('impersonated'),
  factor_added: notice('factor_added'),
  factor_removed: notice('factor_removed'),
  recovery_codes: notice('recovery_codes'),
  account_deleted: async ({ origin }, mail) =>
    mailText('account_deleted', mail.parameters['locale'] ?? 'en', { origin }),
};

async function writeSignUp(desk: MailDesk, mail: MailRow): Promise<MailText | undefined> {
  const known = await findUserByEmail(desk.tx, mail.email);
  if (known !== undefined) return mailText('sign_up_known', known.locale, { origin: desk.origin });
  const signUp = await findSignUp(desk.tx, mail.subject, desk.now);
  return signUp && withLink(desk, mail, { id: signUp.id, locale: signUp.locale }, { kind: 'sign_up', text: 'sign_up' });
}

async function writeVerify(desk: MailDesk, mail: MailRow): Promise<MailText | undefined> {
  const user = await findUserByEmail(desk.tx, mail.email);
  if (user?.email_verified_at === null) return withLink(desk, mail, user, { kind: 'verify', text: 'verify' });
  if (user !== undefined) return undefined;
  const signUp = await findOpenSignUp(desk.tx, mail.email, desk.now);
  return signUp && withLink(desk, mail, signUp, { kind: 'sign_up', text: 'sign_up' });
}

async function writeInvitation(desk: MailDesk, mail: MailRow): Promise<MailText | undefined> {
  const invitation = await findInvitation(desk.tx, mail.subject);
  if (invitation === undefined || !isOpen(invitation, desk.now)) return undefined;
  const [organization, reader, inviter] = [
    await findOrganization(desk.tx, invitation.org_id),
    await findUserByEmail(desk.tx, mail.email),
    await findUser(desk.tx, invitation.invited_by.replace(/^user:/, '')),
  ];
  if (organization === undefined) return undefined;
  const to = { id: invitation.id, locale: reader?.locale ?? inviter?.locale ?? 'en' };
  return withLink(
    desk,
    mail,
    to,
    { kind: 'invitation', text: 'invitation' },
    {
      organization: organization.title,
      role: roleNameOf(invitation),
      inviter: inviter?.name ?? 'A program of the organization',
    },
  );
}

async function withLink(
  desk: MailDesk,
  mail: MailRow,
  to: Pick<UserRow, 'id' | 'locale'>,
  { kind, text }: { readonly kind: LinkKind; readonly text: TextName },
  values: MailValues = {},
): Promise<MailText> {
  const token = await tokenOf(desk, { mailId: mail.id, kind, subject: to.id, email: mail.email });
  return mailText(text, to.locale, { ...mail.parameters, ...values, origin: desk.origin, token });
}

/** The token of a mail's link. It is made once: a mail that is sent again has the same, and a link that was used does not come back. */
async function tokenOf({ tx, envelope, now }: MailDesk, wanted: WantedLink): Promise<string> {
  const place = placeIn(sealedColumns.mailToken, wanted.mailId);
  const { secret, sha256 } = newCredential('tft');
  const known = await findToken(tx, wanted.mailId);
  if (known === null && (await keepToken(tx, wanted.mailId, await envelope.seal(tx, installation, place, secret)))) {
    await insertLink(tx, sha256, wanted, now);
    return secret;
  }
  const kept = known ?? (await findToken(tx, wanted.mailId));
  if (kept === null) throw new EnvelopeError(`the mail ${wanted.mailId} ended while it was written`);
  return (await envelope.open(tx, installation, place, kept)).toString();
}
