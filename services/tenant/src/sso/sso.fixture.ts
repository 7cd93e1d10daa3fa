import type { MessageInitShape } from '@bufbuild/protobuf';
import { Role } from '@truffle/api/tenant/v1/account';
import type { Connection } from '@truffle/api/tenant/v1/connection';
import type { CreateConnectionRequestSchema } from '@truffle/api/tenant/v1/connection_service';
import { startDnsServer, type DnsServer } from '../connection/dns.fixture.ts';
import { TestIssuer } from '../issuer/issuer.fixture.ts';
import { startPeople, type People } from '../people.fixture.ts';

export type Owner = Awaited<ReturnType<People['signUp']>>;

/** What a test's connection has otherwise. */
export type ConnectionChange = MessageInitShape<typeof CreateConnectionRequestSchema>;

/** The tenant service with a mail server, a DNS server and an issuer that tests hold. */
export interface SsoWorld {
  readonly people: People;
  readonly dns: DnsServer;
  readonly issuer: TestIssuer;
  /** A connection to the issuer that gives everybody who comes by it a viewer's role in the organization, unless told. */
  connect(owner: Owner, more?: ConnectionChange): Promise<Connection>;
  /** Adds a domain and proves it. */
  prove(owner: Owner, connectionId: string, domain: string): Promise<void>;
  /** Signs in as a person of the issuer. */
  signIn(connectionId: string, claims: Record<string, unknown>): Promise<{ sessionToken: string; orgId: string }>;
  close(): Promise<void>;
}

export async function startSso(): Promise<SsoWorld> {
  const dns = await startDnsServer();
  const issuer = await new TestIssuer().start();
  const people = await startPeople({ TRUFFLE_OUTGOING_ALLOW: '127.0.0.1', TRUFFLE_DNS_SERVERS: dns.address });
  return {
    people,
    dns,
    issuer,
    connect: async ({ token, orgId }, more = {}) => {
      const { connection } = await people.host.client(token).connections.createConnection({
        orgId,
        name: 'Staff',
        issuer: issuer.url,
        clientId: issuer.clientId,
        clientSecret: issuer.clientSecret,
        mappings: [{ claim: '', value: '', role: Role.VIEWER, scopeId: orgId }],
        ...more,
      });
      if (connection === undefined) throw new Error('no connection was made');
      return connection;
    },
    prove: async ({ token }, connectionId, domain) => {
      const { connections } = people.host.client(token);
      const added = (await connections.addDomain({ connectionId, domain })).domain;
      dns.texts.set(added?.recordName ?? '', added?.recordValue ?? '');
      await connections.verifyDomain({ connectionId, domain });
    },
    signIn: async (connectionId, claims) => {
      const { sso } = people.host.client();
      const { url, binding } = await sso.beginSignIn({ by: { case: 'connectionId', value: connectionId } });
      return sso.finishSignIn({ ...(await issuer.approve(url, claims)), binding });
    },
    close: async () => {
      await people.close();
      await issuer.close();
      await dns.close();
    },
  };
}

/** A connection as a change of it says it, to be laid over. */
export const changeOf = ({ id, name, issuer, clientId, scopes, mappings, bearer, enabled, revision }: Connection) => ({
  connectionId: id,
  name,
  issuer,
  clientId,
  scopes,
  mappings,
  bearer,
  enabled,
  revision,
});
