export const factors = {
  title: 'Second factors',
  none: 'None yet: a stolen password would open your account. Add a passkey or an authenticator app.',
  addApp: 'Add an authenticator app',
  addPasskey: 'Add a passkey',
  appHint: 'It shows a new code every 30 seconds, which you enter beside your password.',
  appName: 'Phone',
  passkeyHint: 'It is kept by this device, your phone or a security key. It also signs you in without a password.',
  passkeyName: 'This device',
  name: 'What you call it',
  goOn: 'Go on',
  scan: 'Scan this with your app, then enter the code that it shows.',
  qr: 'QR code for your authenticator app',
  byHand: 'Or type this into it:',
  code: 'Code that it shows',
  confirm: 'Add it',
  kinds: { 1: 'Authenticator app', 2: 'Passkey' } as Readonly<Record<number, string>>,
  used: 'used',
  remove: 'Remove',
  removeTitle: (name: string) => `Remove ${name}`,
  removeHint: 'It opens your account no more. With the last one your recovery codes go too.',
  codesLeft: (left: number) => `${left} of 10 recovery codes are left.`,
  regenerate: 'New recovery codes',
  regenerateHint: 'The codes that you have will be good no more.',
  codesTitle: 'Your recovery codes',
  codesHint: 'Each lets you in once when you have lost your other factors. They are shown only now: keep them safe.',
  codesKept: 'I have kept them',
} as const;

export const sessions = {
  title: 'Sessions',
  current: 'this one',
  begun: 'begun',
  seen: 'last used',
  unknown: 'A program that did not say its name',
  end: 'End',
  endOf: (program: string) => `End the session of ${program}`,
  endOthers: 'End all others',
} as const;

export const deletion = {
  title: 'Delete your account',
  ask: 'Delete your account for good?',
  hint: 'You leave every organization, and what is personal about you is erased. What you made there stays theirs. Whose last owner you are has to have another first. This can not be undone.',
} as const;

export const identities = {
  title: 'Linked providers',
  none: 'None: you sign in with your password or a passkey.',
  linkHint: 'Sign in at a provider of your organization once; from then on it lets you in here.',
  link: (name: string, organization: string) => `Link ${name} of ${organization}`,
  unlinkOf: (issuer: string) => `Unlink ${issuer}`,
  unlink: 'Unlink',
  unlinkTitle: 'Unlink this provider?',
  unlinkHint: 'It signs you in no more, and sessions that it opened end.',
} as const;
