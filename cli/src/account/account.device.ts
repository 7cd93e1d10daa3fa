import { spawn } from 'node:child_process';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { ConnectError } from '@connectrpc/connect';
import { ErrorInfoSchema } from '@truffle/api/google/rpc/error_details';
import { TimedOutError } from '../failure/cli-error.ts';
import type { Invocation } from '../invocation.ts';

/** Signs in by a code that the person approves where they are signed in; answers the session's token. @throws TimedOutError */
export async function deviceLogin(cli: Invocation): Promise<string> {
  const { api } = await cli.sessionWith(undefined);
  const begun = await api.devices.beginDeviceLogin({});
  cli.notes.say(`open ${begun.verificationUrl} and enter the code ${begun.userCode}`);
  cli.notes.say(`or where you are signed in: truffle session approve ${begun.userCode}`);
  if (cli.interactive) openBrowser(begun.verificationUrlComplete);
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
  throw new TimedOutError('nobody approved the sign-in in time', ['truffle login --browser']);
}

/** Where there is no browser the person has the address and the code. */
function openBrowser(url: string): void {
  if (!/^https?:\/\/[\w.:[\]-]+\/device\?code=[A-Z-]+$/.test(url)) return;
  const program = process.platform === 'darwin' ? 'open' : 'xdg-open';
  spawn(program, [url], { stdio: 'ignore', detached: true })
    .on('error', () => undefined)
    .unref();
}
