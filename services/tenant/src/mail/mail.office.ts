import { readSettings, secret, text } from '@truffle/config';
import type { Database } from '@truffle/database';
import { readHostFile, type ModuleDeps } from '@truffle/kit';
import { AccountKey } from '../account/account-key.ts';
import type { TenantTables } from '../tables.ts';
import { MailCourier } from './mail.courier.ts';
import { folderTransport, noTransport, smtpTransport, type MailTransport } from './mail.transport.ts';

const mailSettings = {
  accountKey: secret(
    'TRUFFLE_ACCOUNT_KEY',
    "32 bytes in hex: makes the tokens of mails' links and seals authenticator apps' seeds; the same for every tenant service",
  ),
  smtpUrl: secret(
    'TRUFFLE_SMTP_URL',
    'mail server: smtp://user:password@host:port, or smtps:// for TLS from the start',
    { fallback: '' },
  ),
  mailFrom: text('TRUFFLE_MAIL_FROM', 'sender of mails', { fallback: 'Truffle <truffle@localhost>' }),
  mailDir: text('TRUFFLE_MAIL_DIR', 'without a mail server: folder that mails are written to, for its owner alone', {
    fallback: '',
  }),
} as const;

/** Where this process's mail goes, and who brings it there. */
export interface MailOffice {
  readonly accountKey: AccountKey;
  /** Where people reach the product; empty where that is not known. */
  readonly origin: string;
  /** Whether mail reaches people. */
  readonly delivers: boolean;
  readonly courier: MailCourier;
}

/** Reads the settings of mail and makes its courier, who has yet to be started. `identity` as `svc_identity`. */
export function openMail(deps: ModuleDeps, identity: Database<TenantTables>): MailOffice {
  const { accountKey, smtpUrl, mailFrom, mailDir } = readSettings(mailSettings, deps.env, readHostFile);
  const key = new AccountKey(accountKey);
  const origin = deps.settings.publicUrl.replace(/\/$/, '');
  // Mails of an installation that has neither a server nor a folder for them go nowhere.
  const transport: MailTransport =
    smtpUrl !== ''
      ? smtpTransport(smtpUrl, mailFrom)
      : mailDir !== ''
        ? folderTransport(mailDir, mailFrom)
        : noTransport;
  const { bell, logger } = deps;
  const courier = new MailCourier({
    identity,
    key,
    transport,
    origin,
    bell,
    logger,
    now: () => new Date(),
    random: Math.random,
  });
  return { accountKey: key, origin, delivers: transport.delivers, courier };
}
