import { statfsSync } from 'node:fs';
import { availableParallelism, freemem, totalmem } from 'node:os';
import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { type Inventory, InventorySchema } from '@truffle/api/agent/v1/agent';
import { QemuError, readImage } from '@truffle/qemu';
import { type Finding, findingText } from '../site/finding.ts';
import { preflight } from './preflight.ts';
import { type QemuSite, storageName } from './site.ts';

/** What the site has and what is wrong with it, in parts. */
export async function lookOver(
  site: QemuSite,
  hypervisorVersion: string,
): Promise<{ readonly inventory: Inventory; readonly findings: readonly Finding[] }> {
  const findings = await preflight(site);
  const total = totalmem();
  const inventory = create(InventorySchema, {
    takenAt: timestampFromMs(Date.now()),
    driver: 'qemu',
    hypervisorVersion,
    clusterName: site.node,
    vmidFirst: site.vmids.first,
    vmidLast: site.vmids.last,
    features: ['clone:full', 'clone:linked', 'cloud-init:no-cloud', 'image-import', `storage:${storageName}`],
    networks: Object.keys(site.networks).map((name) => ({ name, bridge: name })),
    nodes: [
      {
        name: site.node,
        online: true,
        cpu: availableParallelism(),
        memoryBytes: BigInt(total),
        memoryUsedBytes: BigInt(total - freemem()),
      },
    ],
    storages: storagesOf(site),
    images: imagesOf(site),
    problems: findings.map(findingText),
  });
  return { inventory, findings };
}

function storagesOf({ folder, node }: QemuSite) {
  try {
    const { bsize, blocks, bavail } = statfsSync(folder);
    return [{ name: storageName, node, totalBytes: BigInt(bsize * blocks), freeBytes: BigInt(bsize * bavail) }];
  } catch {
    // The preflight says what is wrong with the folder.
    return [];
  }
}

function imagesOf({ images, node }: QemuSite) {
  return Object.entries(images).flatMap(([name, path]) => {
    try {
      return [{ name, vmid: 0, node, diskBytes: BigInt(readImage(path).diskBytes) }];
    } catch (error) {
      if (error instanceof QemuError) return [];
      throw error;
    }
  });
}
