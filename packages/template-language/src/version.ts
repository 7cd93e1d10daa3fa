import semver from 'semver';

/** Orders two semantic versions: negative when `a` is older, 0 when equal in precedence, positive when newer. @throws TypeError when one is none */
export function compareVersions(a: string, b: string): number {
  return semver.compare(a, b);
}

/** Whether going from one version to the other is an upgrade, and not a downgrade or a change of build metadata alone. */
export function isUpgrade(from: string, to: string): boolean {
  return semver.gt(to, from);
}
