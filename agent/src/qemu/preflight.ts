import { accessSync, constants, mkdirSync } from 'node:fs';
import { isShortEnough, QemuError, readImage } from '@truffle/qemu';
import { type Finding, finding } from '../site/finding.ts';
import { Disks } from '@truffle/qemu';
import { join } from 'node:path';
import type { QemuSite } from './site.ts';

/** All that would make a deployment fail, each with what mends it; empty when the site is ready. */
export async function preflight(site: QemuSite): Promise<readonly Finding[]> {
  return [...programFindings(site), ...folderFindings(site), ...(await imageFindings(site))];
}

function programFindings(site: QemuSite): readonly Finding[] {
  try {
    site.programs();
    return [];
  } catch (error) {
    if (!(error instanceof QemuError)) throw error;
    return [finding('reach', site.node, error.message, { remedy: error.remedy })];
  }
}

function folderFindings({ folder }: QemuSite): readonly Finding[] {
  // The longest name of a machine is a number of nine digits.
  if (!isShortEnough(join(folder, '999999999'))) {
    const remedy = 'Name a folder with a shorter path (80 characters) in the site config.';
    return [
      finding('storage', folder, `The path of the machines' folder is too long for sockets: ${folder}`, { remedy }),
    ];
  }
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    return [];
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    const remedy = 'Give the agent’s user a folder that it may write to, and name it in the site config.';
    return [finding('storage', folder, `The machines' folder can't be written: ${folder} (${why})`, { remedy })];
  }
}

async function imageFindings(site: QemuSite): Promise<readonly Finding[]> {
  const found = await Promise.all(Object.entries(site.images).map(([name, path]) => imageFinding(site, name, path)));
  const all = found.filter((each) => each !== undefined);
  if (found.length > 0) return all;
  const remedy = 'Name one under images in the site config, or import one (truffle agent import-image).';
  return [finding('image', 'images', 'The site has no image.', { remedy })];
}

async function imageFinding(site: QemuSite, name: string, path: string): Promise<Finding | undefined> {
  try {
    const image = readImage(path);
    await new Disks(site.programs().img).facts(image.disk);
    for (const file of [image.boot.kernel, image.boot.initrd]) if (file !== undefined) accessSync(file, constants.R_OK);
    return undefined;
  } catch (error) {
    // What lacks QEMU is told once.
    if (error instanceof QemuError && error.code === 'QEMU_MISSING') return undefined;
    const why = error instanceof Error ? error.message : String(error);
    const remedy = error instanceof QemuError ? error.remedy : 'Build it, or import it again.';
    return finding('image', name, `Image ${name} can't be used: ${why}.`, { remedy });
  }
}
