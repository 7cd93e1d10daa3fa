import { InternalTls, internalName } from './internal-tls.ts';

/** How NATS is reached over TLS. Its client asks for the PEMs at each connection, so that a renewed certificate is taken up. */
export interface NatsTls {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
  readonly servername: string;
  readonly minVersion: 'TLSv1.3';
}

/**
 * What an address of NATS says of TLS; undefined for one in clear. The client can read files by itself, but nothing listens to its socket
 * meanwhile: a connection that broke just then ended the process.
 * @throws TypeError for `tls://` without a folder
 */
export function natsTls(url: URL): NatsTls | undefined {
  if (url.protocol !== 'tls:') return undefined;
  const own = tlsOf(url, 'TRUFFLE_NATS_URL');
  return {
    get cert() {
      return own.cert.toString();
    },
    get key() {
      return own.key.toString();
    },
    get ca() {
      return own.ca.toString();
    },
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
  const { cert, key, ca } = tlsOf(url, 'TRUFFLE_TEMPORAL_ADDRESS');
  return {
    address: url.host,
    tls: {
      serverNameOverride: internalName('temporal'),
      serverRootCACertificate: ca,
      clientCertPair: { crt: cert, key },
    },
  };
}

function tlsOf(url: URL, variable: string): InternalTls {
  const folder = url.searchParams.get('tls') ?? '';
  if (folder === '')
    throw new TypeError(`${variable} is at tls:// and names no certificate: tls://host:port?tls=<folder>`);
  return new InternalTls(folder);
}
