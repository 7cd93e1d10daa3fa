export const account = {
  signIn: 'Sign in',
  signUp: 'Make an account',
  signOut: 'Sign out',
  menu: 'Your account',
  email: 'E-mail address',
  password: 'Password',
  name: 'Your name',
  orgName: 'Name of your organization',
  orgNameHint: 'Small letters, digits and dashes; part of addresses, such as acme.',
  passwordHint: 'At least 10 characters.',
  noAccount: 'No account yet?',
  haveAccount: 'You have an account?',
} as const;
