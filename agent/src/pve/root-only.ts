import { Effect } from '@truffle/api/agent/v1/command';
import { DecodedFailure } from '../command/failure.ts';
import type { TemplateFacts } from './facts.ts';

const devices = /^(usb|hostpci|serial|parallel)\d+$/;
/** Options that even an administrator's token may neither set nor take over by cloning the host's own devices. */
const options = /^(args|arch|affinity|hookscript|hugepages|ivshmem|vmstatestorage)$/;

/** Options of a template that are reserved to root@pam, so that no token can make a working clone of it. */
export function rootOnlyOptions(template: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(template)
    .filter(([key, value]) => options.test(key) || (devices.test(key) && !/(^|,)mapping=|spice|^socket$/.test(value)))
    .map(([key]) => key)
    .sort();
}

/** Refuses a template that no token can clone, before anything is touched. @throws DecodedFailure */
export function requireClonable(image: string, template: TemplateFacts): void {
  const reserved = rootOnlyOptions(template.options);
  if (reserved.length === 0) return;
  throw new DecodedFailure({
    reason: 'PVE_ROOT_ONLY',
    message: `Image ${image} (VM ${template.vmid}) has options that are reserved to root: ${reserved.join(', ')}`,
    cause: 'No API token may set them, an administrator’s neither.',
    remedy: `Take them out of the template (qm set ${template.vmid} --delete ${reserved.join(',')}), or map devices under Datacenter → Resource Mappings.`,
    effect: Effect.NONE,
  });
}
