export { testEngines, type TestEngines } from './engines.ts';
export { testDatabase, type TestDatabase } from './database.ts';
export { testHost, type TestHost } from './host.ts';
export { until } from './until.ts';
