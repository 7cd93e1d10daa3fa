import type { ClusterRow } from './cluster.repo.ts';

/** The name under which a secret was sealed, and which its ciphertext is bound to. */
const secretScopeOf = (projectId: string, clusterName: string): string => `${projectId}/${clusterName}`;

/** The secrets of a cluster as commands carry them: sealed to its agent, or for the agent to make. */
export const secretsOf = (cluster: ClusterRow) => ({
  secrets: cluster.secrets.map((s) => ({
    name: s.name,
    keyId: s.keyId,
    sealed: Buffer.from(s.sealed, 'base64'),
    version: s.version,
    notAfter: BigInt(s.notAfter),
  })),
  generated: cluster.generated.map((g) => ({ name: g.name, length: g.length, charset: g.charset })),
  secretScope: secretScopeOf(cluster.project_id, cluster.name),
});
