import { timestampMs } from '@bufbuild/protobuf/wkt';
import { ConnectError } from '@connectrpc/connect';
import { ErrorInfoSchema } from '@truffle/api/google/rpc/error_details';
import { TimedOutError, UsageError } from '../failure/cli-error.ts';
import type { Invocation } from '../invocation.ts';
import { openBrowser } from './account.browser.ts';

/**
 * Signs in by a code that the person approves in a browser or where they are signed in; answers the session's token.
 * Opens a browser where there is one, unless `browser` is false.
 * @throws TimedOutError, UsageError with `--no-input`: nobody is there to approve
 */
export async function deviceLogin(cli: Invocation, browser: boolean): Promise<string> {
  if (!cli.flags.input)
    throw new UsageError('nobody is asked with --no-input, and somebody has to approve a sign-in', {
      next: ['truffle login --with-token < token'],
    });
  const { api } = await cli.sessionWith(undefined);
  const begun = await api.devices.beginDeviceLogin({});
  const opened = browser && cli.interactive && openBrowser(begun.verificationUrlComplete, cli.env);
  if (opened) cli.notes.say(`your browser opens; if it does not, open ${begun.verificationUrl}`);
  else cli.notes.say(`open ${begun.verificationUrl} in any browser`);
  cli.notes.say(`sign in there and approve the code ${begun.userCode}`);
  cli.notes.say(`or where you are signed in: truffle session approve ${begun.userCode}`);
  cli.notes.say('or end this (Ctrl-C) and use your password: truffle login --password');
  const ends = begun.expiresAt === undefined ? cli.now() : timestampMs(begun.expiresAt);
  for (let seconds = begun.intervalSeconds; cli.now() < ends;) {
    await cli.sleep(seconds * 1000, cli.signal);
    try {
      return (await api.devices.pollDeviceLogin({ deviceCode: begun.deviceCode })).sessionToken;
    } catch (error) {
      const [info] = ConnectError.from(error).findDetails(ErrorInfoSchema);
      if (info?.reason === 'SLOW_DOWN') seconds = Number(info.metadata['intervalSeconds'] ?? seconds + 5);
      else if (info?.reason !== 'AUTHORIZATION_PENDING') throw error;
    }
  }
  throw new TimedOutError('nobody approved the sign-in in time', ['truffle login']);
}
