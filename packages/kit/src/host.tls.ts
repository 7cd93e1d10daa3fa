import type { Settings } from '@truffle/config';
import type { hostSettings } from './host.settings.ts';
import { InternalTls } from './internal-tls.ts';

type TlsSettings = Pick<Settings<typeof hostSettings>, 'tlsFolder' | 'listenPeers'>;

/** What a process shows of itself; undefined where nothing was given. */
export const tlsOf = ({ tlsFolder }: Pick<TlsSettings, 'tlsFolder'>): InternalTls | undefined =>
  tlsFolder === '' ? undefined : new InternalTls(tlsFolder);

/** Who may connect to a process, over TLS; undefined for everybody, in clear. @throws TypeError without a certificate */
export function insideOf(
  settings: TlsSettings,
): { readonly tls: InternalTls; readonly peers: readonly string[] } | undefined {
  if (settings.listenPeers.length === 0) return undefined;
  const tls = tlsOf(settings);
  if (tls === undefined)
    throw new TypeError('TRUFFLE_LISTEN_PEERS wants a certificate of this process: TRUFFLE_TLS_DIR');
  return { tls, peers: settings.listenPeers };
}
