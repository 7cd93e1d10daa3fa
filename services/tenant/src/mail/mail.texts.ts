/** A mail as people read it. */
export interface MailText {
  readonly subject: string;
  readonly body: string;
}

/** What a text may speak of. */
export type MailValues = Readonly<Record<string, string>>;

type Text = (values: MailValues) => MailText;

const value = (values: MailValues, name: string): string => values[name] ?? '';

/** The lines that carry a token: as a link, and for whoever works without a browser. */
const link = (values: MailValues, page: string, command: string): string =>
  `${values['origin'] ? `  ${values['origin']}/account/${page}#token=${value(values, 'token')}\n\nor on the command line\n\n` : ''}  ${command}\n\nwith the code\n\n  ${value(values, 'token')}`;

const unasked =
  'If this was not you, somebody may know your password: change it, and end sessions that you do not know.';

const english = {
  sign_up: (values) => ({
    subject: 'Finish your sign-up',
    body: `Somebody, probably you, signed up with this address. To make the account, open

${link(values, 'complete', 'truffle account complete')}

and give the password that you chose. The link is good for 24 hours.

If this was not you, do nothing: no account is made.`,
  }),
  sign_up_known: (values) => ({
    subject: 'You have an account already',
    body: `Somebody, probably you, signed up with this address, which has an account already. Sign in${values['origin'] ? ` at ${values['origin']}` : ''} with your
password; if you forgot it, ask for a link to set a new one: truffle account reset

If this was not you, do nothing.`,
  }),
  verify: (values) => ({
    subject: 'Verify your address',
    body: `To verify the address of your account, open

${link(values, 'verify', 'truffle account verify')}

The link is good for 24 hours.`,
  }),
  reset: (values) => ({
    subject: 'Choose a new password',
    body: `Somebody, probably you, asked to set a new password for your account. To do so, open

${link(values, 'reset', 'truffle account reset --link')}

The link is good for one hour, once. All of your sessions will end.

If this was not you, do nothing: your password stays.`,
  }),
  invitation: (values) => ({
    subject: `Invitation to ${value(values, 'organization')}`,
    body: `${value(values, 'inviter')} invites you to the organization ${value(values, 'organization')} as ${value(values, 'role')}. To accept, sign in or sign up with this address and open

${link(values, 'invitation', 'truffle invitation accept')}

The link is good for 7 days.

If you do not know who this is, do nothing.`,
  }),
  address_change: (values) => ({
    subject: 'Confirm your new address',
    body: `The account of ${value(values, 'old')} shall move to this address. To confirm, open

${link(values, 'address', 'truffle account confirm-address')}

The link is good for 24 hours.

If this was not you, do nothing.`,
  }),
  address_taken: () => ({
    subject: 'This address has an account',
    body: `Somebody, probably you, wanted to move another account to this address. It has an account already, so nothing was changed.`,
  }),
  address_keep: (values) => ({
    subject: 'Your address is about to change',
    body: `Somebody, probably you, asked to move your account from this address to ${value(values, 'new')}. It moves once the new address is confirmed.

If this was not you, open

${link(values, 'keep-address', 'truffle account keep-address')}

within 7 days: the account stays here, or comes back, and all of its sessions end. Then set a new password.`,
  }),
  address_changed: (values) => ({
    subject: 'Your address has changed',
    body: `Your account moved from this address to ${value(values, 'new')}. If this was not you, use the link of the mail before this one.`,
  }),
  password_changed: () => ({
    subject: 'Your password has changed',
    body: `The password of your account was changed, and sessions on other devices ended.

If this was not you, set a new one at once: truffle account reset`,
  }),
  new_device: (values) => ({
    subject: 'New sign-in',
    body: `Your account was signed in to from a device or address that we had not seen:

  when     ${value(values, 'at')}
  address  ${value(values, 'address')}
  program  ${value(values, 'program')}

${unasked}`,
  }),
  impersonated: (values) => ({
    subject: `Somebody acts as you in ${value(values, 'organization')}`,
    body: `${value(values, 'actor')}, who looks after the organization ${value(values, 'organization')}, acts as you there:

  from     ${value(values, 'at')}
  until    ${value(values, 'until')}
  why      ${value(values, 'reason')}

They may do there what both of you may, and reach nothing of your account. What they do is recorded under their name. You see it in your
sessions and may end it: truffle session list`,
  }),
  factor_added: (values) => ({
    subject: 'A second factor was added',
    body: `${value(values, 'name')} was added to your account as a second factor.\n\n${unasked}`,
  }),
  factor_removed: (values) => ({
    subject: 'A second factor was removed',
    body: `The second factor ${value(values, 'name')} was removed from your account.\n\n${unasked}`,
  }),
  recovery_codes: () => ({
    subject: 'New recovery codes',
    body: `The recovery codes of your account were made anew; the old ones are void.\n\n${unasked}`,
  }),
  account_deleted: () => ({
    subject: 'Your account is deleted',
    body: `Your account was deleted, as was asked for with a fresh proof of who you are. It can't be brought back.

If this was not you, tell whoever runs this control plane and the owners of your organizations.`,
  }),
} as const satisfies Record<string, Text>;

export type TextName = keyof typeof english;

/** Texts by language; English stands in for a language that is not there. */
const catalogue: Readonly<Record<string, Readonly<Record<TextName, Text>>>> = { en: english };

const ours = new Set(['origin', 'token']);
const longest = 120;

/** A value of others' making stays on its line and is no link: nobody's name becomes a paragraph or an address of ours. */
const tamed = (text: string): string =>
  text
    .replaceAll(/[\p{C}\s]+/gu, ' ')
    .replaceAll(/:\/\/|\bwww\./gi, ' ')
    .slice(0, longest);

/** The text `name` in the language of `locale` (BCP 47). Values of others' making are tamed. */
export function mailText(name: TextName, locale: string, values: MailValues): MailText {
  const texts = catalogue[locale.split('-')[0] ?? ''] ?? english;
  const plain = Object.fromEntries(
    Object.entries(values).map(([key, text]) => [key, ours.has(key) ? text : tamed(text)]),
  );
  return texts[name](plain);
}
