/** An engine whose programs the bootstrap finds or makes. */
export interface EngineRelease {
  readonly name: string;
  readonly version: string;
  /** Programs by role: file name, arguments that print the version, Go package with its pinned version. */
  readonly programs: Readonly<
    Record<string, { readonly file: string; readonly versionArgs: readonly string[]; readonly goPackage: string }>
  >;
  /** Whether a program found on PATH that calls itself this version will do. */
  readonly accepts: (version: string) => boolean;
  /** The vendor's archive for a platform, and the file with the SHA-256 sums, relative to `releasesUrl`. */
  readonly archive: (platform: string, architecture: string) => { readonly path: string; readonly sums: string };
  /** How long a build from source takes on two cores, in words. */
  readonly buildTime: string;
}

export interface BinarySources {
  readonly cacheFolder: string;
  readonly path: string;
  /** Where vendors' archives are: https://github.com or a mirror with the same paths. */
  readonly releasesUrl: string;
  readonly say: (line: string) => void;
  /** Ends a download or build under way. */
  readonly signal: AbortSignal;
}

/** An engine can't be had in any way; the message names the fix. */
export class EngineUnavailableError extends Error {
  override readonly name = 'EngineUnavailableError';
  readonly code = 'ENGINE_UNAVAILABLE';
}
