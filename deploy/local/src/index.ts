export { ensureInternalTls, tlsFolder, type Part } from './internal-authority.ts';
export { openStateFolder } from './state-folder.ts';
export {
  removeState,
  startEngines,
  StateFolderBusyError,
  type EngineAddresses,
  type EngineOptions,
  type Engines,
} from './engines.ts';
