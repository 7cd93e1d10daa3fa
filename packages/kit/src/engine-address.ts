import { readFileSync } from 'node:fs';
import { InternalTls, internalName } from './internal-tls.ts';

/** How NATS is reached over TLS: by the paths of the files, which it reads at each connection. */
export interface NatsTls {
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string;
  readonly servername: string;
  readonly minVersion: 'TLSv1.3';
}

/** What an address of NATS says of TLS; undefined for one in clear. @throws TypeError for `tls://` without a folder */
export function natsTls(url: URL): NatsTls | undefined {
  if (url.protocol !== 'tls:') return undefined;
  const { certificate, key, authority } = materialOf(url, 'TRUFFLE_NATS_URL').paths;
  return {
    certFile: certificate,
    keyFile: key,
    caFile: authority,
    servername: internalName('nats'),
    minVersion: 'TLSv1.3',
  };
}

/** How Temporal's clients connect. */
export interface TemporalConnection {
  readonly address: string;
  readonly tls?: {
    readonly serverNameOverride: string;
    readonly serverRootCACertificate: Buffer;
    readonly clientCertPair: { readonly crt: Buffer; readonly key: Buffer };
  };
}

/** Options of a connection to the frontend at `host:port`, or `tls://host:port?tls=folder`. @throws TypeError for `tls://` without a folder */
export function temporalConnection(address: string): TemporalConnection {
  if (!address.startsWith('tls://')) return { address };
  const url = new URL(address);
  const { certificate, key, authority } = materialOf(url, 'TRUFFLE_TEMPORAL_ADDRESS').paths;
  return {
    address: url.host,
    tls: {
      serverNameOverride: internalName('temporal'),
      serverRootCACertificate: readFileSync(authority),
      clientCertPair: { crt: readFileSync(certificate), key: readFileSync(key) },
    },
  };
}

function materialOf(url: URL, variable: string): InternalTls {
  const folder = url.searchParams.get('tls') ?? '';
  if (folder === '')
    throw new TypeError(`${variable} is at tls:// and names no certificate: tls://host:port?tls=<folder>`);
  return new InternalTls(folder);
}
