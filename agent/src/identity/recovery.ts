import { createHash, createPrivateKey, sign } from 'node:crypto';
import { recoveryBytes } from '@truffle/sealing';
import type { Standing } from '../journal/journal.ts';
import { IdentityFolder, identityFiles } from './folder.ts';
import { IdentityDamaged } from './identity.ts';
import { CertificateRefused, type KeeperDeps } from './keeper.ts';

const timeoutMs = 30_000;
const remedy =
  'on the control plane: `truffle agent get`, then `truffle agent release`; or `truffle-agent reset` and enrol anew';

/**
 * Recovery at the control plane's origin: the identity key signs its challenge, with what the journal says of the last session. `server`
 * goes before the origin that the agent enrolled at.
 */
export function recoveryByKey(
  dataFolder: string,
  standing: () => Pick<Standing, 'incarnation' | 'lsn' | 'continuity'>,
  server?: string,
): KeeperDeps['recover'] {
  return async ({ agentId, server: known }, csr) => {
    const origin = server ?? known;
    if (origin === undefined)
      throw new CertificateRefused('the origin to recover at is not known: run with --server, or reset and enrol anew');
    const key = new IdentityFolder(dataFolder).read(identityFiles.identityKey);
    if (key === undefined) throw new IdentityDamaged(`${identityFiles.identityKey} is missing; ${remedy}`);
    // Loaded here since an agent seldom needs them.
    const [{ Code, ConnectError, createClient }, { createConnectTransport }, { RecoveryService }] = await Promise.all([
      import('@connectrpc/connect'),
      import('@connectrpc/connect-node'),
      import('@truffle/api/agent/v1/recovery_service'),
    ]);
    const client = createClient(
      RecoveryService,
      createConnectTransport({ baseUrl: origin, httpVersion: '1.1', readMaxBytes: 1024 * 1024 }),
    );
    try {
      const { challenge } = await client.getRecoveryChallenge({ agentId }, { timeoutMs });
      const { incarnation, lsn, continuity } = standing();
      const statement = {
        agentId,
        challenge,
        csr,
        incarnation,
        journalLsn: BigInt(lsn),
        continuitySha256: new Uint8Array(
          continuity.length === 0 ? [] : createHash('sha256').update(continuity).digest(),
        ),
      };
      const signature = new Uint8Array(sign(null, recoveryBytes(statement), createPrivateKey(key)));
      return await client.recoverAgent({ ...statement, signature }, { timeoutMs });
    } catch (error) {
      const status = ConnectError.from(error);
      if (![Code.Unauthenticated, Code.PermissionDenied, Code.InvalidArgument].includes(status.code)) throw error;
      throw new CertificateRefused(`${origin} did not let this agent recover: ${status.rawMessage}; ${remedy}`);
    }
  };
}
