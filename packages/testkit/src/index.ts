export { testEngines, type TestEngines } from './engines.ts';
export { testDatabase, type TestDatabase } from './database.ts';
export { openFront, type Front } from './front.ts';
export { testHost, type TestHost } from './host.ts';
export {
  agentBundle,
  testAgent,
  testSite,
  type AgentLaunch,
  type SiteOptions,
  type TestAgent,
  type TestSite,
} from './site.ts';
export { eventsOrdered } from './ledger.ts';
export { until } from './until.ts';
