import type { MachineRecord } from '@truffle/qemu';
import { markText, type Mark } from '../pve/mark.ts';

/** Every machine of ours carries it. */
const managedTag = 'truffle';

/** What a machine's record carries from its first moment, as nobody sees it before it is whole. */
export function labelsOf(mark: Mark, tags: readonly string[]): MachineRecord['labels'] {
  return { description: markText(mark), tags: [managedTag, mark.serverId, ...tags].join(';') };
}

/** The proofs of whose a machine is, spelled as those of every driver. */
export function optionsOf({ labels, spec }: MachineRecord): Readonly<Record<string, string>> {
  return { ...labels, smbios1: `uuid=${spec.uuid.toLowerCase()}` };
}

/** Its labels with further tags; those that people gave it stay. */
export function withTags(labels: MachineRecord['labels'], tags: readonly string[]): MachineRecord['labels'] {
  const before = (labels['tags'] ?? '').split(';').filter((tag) => tag !== '');
  return { ...labels, tags: [...new Set([...before, ...tags])].join(';') };
}
