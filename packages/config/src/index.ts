export { cacheFolder } from './cache-folder.ts';
export { passedOn, programEnvironment } from './program-environment.ts';
export {
  readSettings,
  describeSettings,
  text,
  integer,
  flag,
  list,
  secret,
  SettingError,
  type Setting,
  type Settings,
} from './settings.ts';
