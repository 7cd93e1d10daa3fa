import { AgentCertificateService } from '@truffle/api/agent/v1/certificate_service';
import { callGateway } from './gateway-call.ts';
import type { KeeperDeps } from './keeper.ts';
import type { KeyLogDeps } from './key-log.ts';
import type { PairCredentials } from './pair.ts';

/** What is asked of gateways about the agent's identity: each time of the next one of the endpoints. */
export function identityCalls(
  endpoints: () => readonly string[],
  credentials: () => PairCredentials,
): { readonly renew: KeeperDeps['renew']; readonly sync: KeyLogDeps['sync'] } {
  let turn = 0;
  const next = (): string => {
    const known = endpoints();
    return known[turn++ % Math.max(1, known.length)] ?? '';
  };
  const { renewCertificate, syncSealingKey } = AgentCertificateService.method;
  return {
    renew: (shown, csr) => callGateway(next(), shown, renewCertificate, { csr }),
    sync: ({ entry, substituted = '' }) =>
      callGateway(next(), credentials(), syncSealingKey, {
        substituted,
        ...(entry === undefined ? {} : { entry: { ...entry } }),
      }),
  };
}
