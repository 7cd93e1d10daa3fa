import { readSettings, secret, text } from '@truffle/config';
import type { Database } from '@truffle/database';
import type { Envelope } from '@truffle/envelope';
import { readHostFile, type ModuleDeps } from '@truffle/kit';
import type { TenantTables } from '../tables.ts';
import { MailCourier } from './mail.courier.ts';
import { folderTransport, noTransport, smtpTransport, type MailTransport } from './mail.transport.ts';

const mailSettings = {
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
  /** Where people reach the product; empty where that is not known. */
  readonly origin: string;
  /** Whether mail reaches people. */
  readonly delivers: boolean;
  readonly courier: MailCourier;
}

/** Reads the settings of mail and makes its courier, who has yet to be started. `identity` as `svc_identity`. */
export function openMail(deps: ModuleDeps, identity: Database<TenantTables>, envelope: Envelope): MailOffice {
  const { smtpUrl, mailFrom, mailDir } = readSettings(mailSettings, deps.env, readHostFile);
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
    envelope,
    transport,
    origin,
    bell,
    logger,
    now: () => new Date(),
    random: Math.random,
  });
  return { origin, delivers: transport.delivers, courier };
}
