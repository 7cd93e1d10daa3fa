import { integer, list, secret, text } from '@truffle/config';

/** What the agent reads from its environment; flags go before it. */
export const settings = {
  dataFolder: text('TRUFFLE_AGENT_DATA_DIR', 'folder that keeps identity and journal', {
    fallback: '/var/lib/truffle-agent',
  }),
  siteConfig: text('TRUFFLE_AGENT_CONFIG', 'file that describes the site; without it the agent only answers pings', {
    fallback: '',
  }),
  policy: text(
    'TRUFFLE_AGENT_POLICY',
    'file that says what the site allows; without it all that the site config allows',
    { fallback: '' },
  ),
  endpoints: list(
    'TRUFFLE_AGENT_ENDPOINTS',
    'where to dial, host:port first to last, before what the enrolment and earlier sessions said',
    { fallback: [] },
  ),
  healthListen: text(
    'TRUFFLE_AGENT_HEALTH_LISTEN',
    'where to serve /healthz, /readyz and /metrics, host:port; empty for nowhere',
    {
      fallback: '',
    },
  ),
  reserveMib: integer(
    'TRUFFLE_AGENT_RESERVE_MIB',
    'MiB of disk that are kept back so that commands which have begun can be finished when it is full',
    { fallback: 64, min: 1 },
  ),
  spoolMib: integer('TRUFFLE_AGENT_SPOOL_MIB', 'MiB of disk for log lines that wait until a gateway is back', {
    fallback: 256,
    min: 1,
  }),
  readyFile: text(
    'TRUFFLE_AGENT_READY_FILE',
    'file that is there once the process had a session with a gateway; empty for none',
    { fallback: '' },
  ),
  releaseKey: text('TRUFFLE_AGENT_RELEASE_KEY', 'file with the public key that releases are signed with', {
    fallback: '',
  }),
  updateCheckSeconds: integer(
    'TRUFFLE_AGENT_UPDATE_CHECK_SECONDS',
    'how often the installed agent asks which version it is to have',
    { fallback: 600, min: 1, max: 86_400 },
  ),
  updateReadySeconds: integer(
    'TRUFFLE_AGENT_UPDATE_READY_SECONDS',
    'how long a new version may take until it is ready before the one before is put back',
    { fallback: 120, min: 5, max: 600 },
  ),
  updateSteadySeconds: integer(
    'TRUFFLE_AGENT_UPDATE_STEADY_SECONDS',
    'how long a new version must stay ready until it is trusted',
    { fallback: 10, min: 1, max: 120 },
  ),
  logLevel: text('TRUFFLE_AGENT_LOG_LEVEL', 'debug, info, warn or error', { fallback: 'info' }),
  otlpEndpoint: text('OTEL_EXPORTER_OTLP_ENDPOINT', 'where to send traces (OTLP/HTTP); without it none are made', {
    fallback: '',
  }),
  joinToken: secret('TRUFFLE_JOIN_TOKEN', 'join token to enrol with', { fallback: '' }),
} as const;

/** How the process ends, for scripts and for systemd. */
export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  /** No gateway was reached for 15 minutes: the supervisor is to start the process anew. */
  unreachable: 70,
  /** The journal can't be written; what is on disk is the truth for the next start. */
  journal: 74,
  /** Another process works with the data folder. */
  locked: 75,
  /** The journal is damaged and was set aside; a person has to look. */
  damaged: 76,
} as const;
