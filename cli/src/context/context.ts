import type { Config, StoredContext } from './config-file.ts';
import type { ProjectFile } from './project-file.ts';

/** Where a setting came from. */
export type Source = 'flag' | 'environment' | 'project file' | 'config' | 'default';

export interface Setting {
  readonly value: string;
  readonly source: Source;
}

/** Where commands go, as whom and in which organization and project. Absent: nothing was said. */
export interface Context {
  readonly endpoint: Setting;
  readonly token: Setting | undefined;
  /** Name or id. */
  readonly org: Setting | undefined;
  /** Name or id. */
  readonly project: Setting | undefined;
}

export interface ContextFlags {
  readonly endpoint?: string | undefined;
  readonly token?: string | undefined;
  readonly org?: string | undefined;
  readonly project?: string | undefined;
  /** Name of a context of the config; it and the flags then decide alone. */
  readonly context?: string | undefined;
}

export interface ContextInputs {
  readonly flags: ContextFlags;
  /** `token` is the content of the file where a file was named. */
  readonly environment: ContextFlags;
  readonly projectFile: ProjectFile | undefined;
  readonly config: Config;
}

export const defaultEndpoint = 'http://127.0.0.1:7400';

/**
 * Flag before environment before project file before config before default, for each setting.
 * A stored credential, organization or project is used only with the endpoint that it was stored with: a key never goes to another server.
 */
export function resolveContext({ flags, environment, projectFile, config }: ContextInputs): Context {
  const named = flags.context ?? environment.context;
  const chosen = named ?? config.current;
  const stored = chosen === undefined ? undefined : config.contexts[chosen];
  // A context asked for by name outranks what lies in the folder.
  const local = named === undefined ? projectFile : undefined;
  const endpoint = setting(flags.endpoint, 'flag') ??
    setting(environment.endpoint, 'environment') ??
    setting(local?.endpoint, 'project file') ??
    setting(stored?.endpoint, 'config') ?? { value: defaultEndpoint, source: 'default' };
  const here = normalEndpoint(endpoint.value);
  const atHere = <T extends { readonly endpoint: string }>(each: T | undefined): T | undefined =>
    each !== undefined && isSame(each.endpoint, here) ? each : undefined;
  const fromProject = atHere(local);
  const fromConfig = atHere(stored) ?? (named === undefined ? contextAt(config, here) : undefined);
  return {
    endpoint: { ...endpoint, value: here },
    token:
      setting(flags.token, 'flag') ??
      setting(environment.token, 'environment') ??
      setting(fromProject?.apiKey, 'project file') ??
      setting(fromConfig?.token, 'config'),
    org:
      setting(flags.org, 'flag') ??
      setting(environment.org, 'environment') ??
      setting(fromProject?.orgId, 'project file') ??
      setting(fromConfig?.org, 'config'),
    project:
      setting(flags.project, 'flag') ??
      setting(environment.project, 'environment') ??
      setting(fromProject?.projectId, 'project file') ??
      setting(fromConfig?.project, 'config'),
  };
}

const setting = (value: string | undefined, source: Source): Setting | undefined =>
  value === undefined || value === '' ? undefined : { value, source };

const contextAt = (config: Config, endpoint: string): StoredContext | undefined =>
  Object.values(config.contexts).find((each) => isSame(each.endpoint, endpoint));

const isSame = (one: string, other: string): boolean => URL.canParse(one) && normalEndpoint(one) === other;

/**
 * An endpoint as it is compared and stored: scheme, host, port and path, without what follows.
 * @throws TypeError when it is no URL
 */
export function normalEndpoint(text: string): string {
  const url = new URL(text);
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}
