import { Code, ConnectError } from '@connectrpc/connect';
import { billingMigrations, makeBillingModule } from '@truffle/billing';
import { ErrorInfoSchema } from '@truffle/api/google/rpc/error_details';
import { ProofChallengeSchema, type ProofChallenge } from '@truffle/api/tenant/v1/session';
import { testDatabase, testHost, until, type TestDatabase, type TestHost } from '@truffle/testkit';
import { makeTenantModule, tenantMigrations } from './index.ts';
import { startMailServer, type MailServer } from './mail/smtp.fixture.ts';

/** Where the product is reached, which passkeys are bound to. */
export const origin = 'https://truffle.example';
export const password = 'correct horse battery';
export const emailOf = (name: string): string => `${name}@example.com`;

export interface People {
  readonly database: TestDatabase;
  /** The one that runs now. */
  readonly host: TestHost;
  readonly mail: MailServer;
  /** A person with an organization of their own, signed up by the link of the mail. */
  signUp(name: string): Promise<{ readonly token: string; readonly orgId: string; readonly userId: string }>;
  signIn(name: string, word?: string): Promise<string>;
  /** Waits until a credential is refused. */
  ended(credential: string): Promise<unknown>;
  /** Ends the service and begins it anew with other settings. */
  restart(env: Readonly<Record<string, string>>): Promise<void>;
  close(): Promise<void>;
}

/** The tenant service with a mail server. */
export async function startPeople(env: Readonly<Record<string, string>> = {}): Promise<People> {
  const mail = await startMailServer();
  const database = await testDatabase([tenantMigrations, billingMigrations]);
  const open = (more: Readonly<Record<string, string>>): Promise<TestHost> =>
    testHost(
      database,
      { tenant: makeTenantModule, billing: makeBillingModule },
      { TRUFFLE_SMTP_URL: mail.url, TRUFFLE_PUBLIC_URL: origin, ...more },
    );
  let host = await open(env);
  return {
    database,
    get host() {
      return host;
    },
    mail,
    signUp: async (name) => {
      await host.client().accounts.signUp({ email: emailOf(name), password, orgName: name });
      const { token } = await mail.arrived(emailOf(name), 'Finish');
      const made = await host.client().addresses.completeSignUp({ token, password });
      const client = host.client(made.sessionToken);
      const { organizations } = await client.organizations.listOrganizations({});
      return { token: made.sessionToken, orgId: organizations[0]?.id ?? '', userId: made.user?.id ?? '' };
    },
    signIn: async (name, word = password) =>
      (await host.client().accounts.signIn({ email: emailOf(name), password: word })).sessionToken,
    ended: (credential) =>
      until('the credential is refused', async () => {
        const answer = await host
          .client(credential)
          .accounts.whoAmI({})
          .catch((error: unknown) => ConnectError.from(error));
        return answer instanceof ConnectError && answer.code === Code.Unauthenticated;
      }),
    restart: async (more) => {
      await host.close();
      host = await open(more);
    },
    close: async () => {
      await host.close();
      await database.close();
      await mail.close();
    },
  };
}

export interface Refusal {
  readonly code: Code;
  readonly reason: string;
}

/** How a call was refused. */
export async function refusal(work: Promise<unknown>): Promise<Refusal> {
  return refusalIn(await refused(work));
}

const refusalIn = (error: ConnectError): Refusal => ({
  code: error.code,
  reason: error.findDetails(ErrorInfoSchema)[0]?.reason ?? '',
});

/** Why a call was refused; undefined when it was not. */
export const reasonOf = (work: Promise<unknown>): Promise<string | undefined> =>
  work.then(
    () => undefined,
    (error: unknown) => refusalIn(ConnectError.from(error)).reason,
  );

/** The challenge that a refusal carries. */
export async function challengeOf(work: Promise<unknown>): Promise<ProofChallenge> {
  const [challenge] = (await refused(work)).findDetails(ProofChallengeSchema);
  if (challenge === undefined) throw new Error('the refusal has no challenge');
  return challenge;
}

async function refused(work: Promise<unknown>): Promise<ConnectError> {
  try {
    await work;
  } catch (error) {
    return ConnectError.from(error);
  }
  throw new Error('was not refused');
}
