import { integer, list, text } from '@truffle/config';

/** What the gateway is told by its environment, beside what every process is. */
export const gatewaySettings = {
  listen: text('TRUFFLE_AGENT_LISTEN', 'where agents dial in, host:port (port 0 takes a free one)', {
    fallback: '127.0.0.1:7443',
  }),
  endpoints: list(
    'TRUFFLE_AGENT_ENDPOINTS',
    'how agents reach the gateways, host:port,…; empty for where this one listens',
    { fallback: [] },
  ),
  authorityFolder: text(
    'TRUFFLE_AGENT_CA_DIR',
    "folder of the authority of agents' certificates; made when missing, shared by every gateway",
  ),
  certificateHours: integer('TRUFFLE_AGENT_CERTIFICATE_HOURS', "how long an agent's certificate is good for", {
    fallback: 24,
    min: 1,
    max: 8_760,
  }),
  recoveriesPerMonth: integer(
    'TRUFFLE_AGENT_RECOVERIES',
    'how often in 30 days an agent whose certificate has ended may come back by itself',
    { fallback: 1, min: 0, max: 30 },
  ),
  region: text('TRUFFLE_REGION', 'region of the control plane that agents are told of', { fallback: 'local' }),
} as const;
