export { cacheFolder } from './engines/binaries.ts';
export {
  removeState,
  startEngines,
  StateFolderBusyError,
  type EngineAddresses,
  type EngineOptions,
  type Engines,
} from './engines.ts';
