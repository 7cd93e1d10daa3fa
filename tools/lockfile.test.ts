import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from './command.ts';
import { lockfile } from './lockfile.ts';

interface Entry {
  readonly version?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly link?: boolean;
}

const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
  packages: Record<string, Entry>;
};
/** Parts of others that are installed here. Of those for other systems npm records a digest where they are installed. */
const parts = Object.entries(packages).filter(
  ([path, { link }]) => path.includes('node_modules/') && link !== true && existsSync(join(root, path)),
);

describe('the inventory of what others made', () => {
  it('names each part with its version and its digest, from the registry alone', () => {
    expect(parts.length).toBeGreaterThan(300);
    for (const [path, { version, integrity, resolved }] of parts) {
      expect(version, path).toMatch(/^\d+\.\d+\.\d+/);
      expect(integrity, path).toMatch(/^sha512-/);
      expect(resolved ?? '', path).not.toMatch(/^(git|file|https?:)/);
    }
  });

  it('has no version that is known to be bad, and every one of ours is pinned', async () => {
    expect(await lockfile()).toEqual({ problems: [] });
  });
});
