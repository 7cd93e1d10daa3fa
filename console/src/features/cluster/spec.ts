import type { MessageInitShape } from '@bufbuild/protobuf';
import { createClient } from '@connectrpc/connect';
import type { Agent } from '@truffle/api/agent/v1/agent';
import { SealingKeyService } from '@truffle/api/agent/v1/sealing_key_service';
import type { ClusterSpecSchema } from '@truffle/api/orchestration/v1/cluster_service';
import { transport } from '../../app/transport.ts';
import { valuesOf, type Parameter } from './parameters.ts';

export type Spec = MessageInitShape<typeof ClusterSpecSchema>;

const keys = createClient(SealingKeyService, transport);

export interface Wanted {
  readonly name: string;
  readonly agent: Agent;
  readonly projectId: string;
  readonly templateVersionId: string;
  readonly parameters: readonly Parameter[];
  /** What was typed, by parameter: secrets too. */
  readonly typed: Readonly<Record<string, string>>;
}

/**
 * What was asked for, as it is sent: the secrets that were typed are sealed to the site's agent, so that nobody in between reads them.
 * @throws SealingError when the site can't be given secrets
 */
export async function specOf({ name, agent, projectId, templateVersionId, parameters, typed }: Wanted): Promise<Spec> {
  const spec = { name, agentId: agent.id, templateVersionId, parameters: valuesOf(parameters, typed) };
  const secrets = Object.fromEntries(
    parameters.flatMap((each) => {
      const value = typed[each.name] ?? '';
      return each.secret && value !== '' ? [[each.name, value] as const] : [];
    }),
  );
  if (Object.keys(secrets).length === 0) return spec;
  // Only who types a secret needs the means to seal one.
  const [{ sealSecrets }, { entries }] = await Promise.all([
    import('./sealing.ts'),
    keys.listSealingKeys({ agentId: agent.id }),
  ]);
  return { ...spec, secrets: await sealSecrets(secrets, { agent, log: entries, projectId, clusterName: name }) };
}
