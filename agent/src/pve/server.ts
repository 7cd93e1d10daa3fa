import { DecodedFailure } from '../command/failure.ts';
import { Effect, type EnsureServer } from '@truffle/api/agent/v1/command';
import type { TemplateFacts } from './facts.ts';
import type { PveSite } from './site.ts';

/** Refuses what the site does not offer, before anything is touched. @throws DecodedFailure */
export function checkOffered(site: PveSite, spec: EnsureServer): void {
  const { first, last } = site.vmids;
  if (spec.vmid < first || spec.vmid > last) {
    throw new DecodedFailure({
      reason: 'SITE_VMID_REFUSED',
      message: `VMID ${spec.vmid} is not among those that the site offers (${first} to ${last})`,
      cause: 'The control plane leased a number from a range that the site no longer offers.',
      remedy: 'Widen vmids in the site config, or create the server again.',
    });
  }
  if (site.images[spec.image] === undefined) throw notOffered('image', spec.image, Object.keys(site.images));
  for (const name of spec.networks) {
    if (site.networks[name] === undefined) throw notOffered('network', name, Object.keys(site.networks));
  }
}

/** Where a clone is made and where it ends up. */
export interface Placement {
  readonly template: TemplateFacts;
  readonly target: string;
}

/**
 * Chooses the template and the node: the wanted node where that works, else the template's own.
 * @throws DecodedFailure when the image has no usable template
 */
export async function place(site: PveSite, image: string, wanted: string): Promise<Placement> {
  const found = await Promise.all((site.images[image] ?? []).map((vmid) => site.facts.template(vmid)));
  const templates = found.filter((each) => each !== undefined);
  const online = new Set((await site.facts.resources()).nodes.filter((each) => each.online).map((each) => each.node));
  const usable = templates.filter((each) => each.isTemplate && online.has(each.node));
  const onNode = usable.find((each) => each.node === wanted);
  if (onNode !== undefined) return { template: onNode, target: wanted };
  const shared = usable.find((each) => each.shared);
  if (shared !== undefined && online.has(wanted)) return { template: shared, target: wanted };
  const any = shared ?? usable[0];
  if (any !== undefined) return { template: any, target: any.node };
  throw noTemplate(site, image, templates);
}

function noTemplate(site: PveSite, image: string, templates: readonly TemplateFacts[]): DecodedFailure {
  const vmids = (site.images[image] ?? []).join(', ');
  const plain = templates.find((each) => !each.isTemplate);
  if (plain !== undefined) {
    return new DecodedFailure({
      reason: 'PVE_IMAGE_NO_TEMPLATE',
      message: `VM ${plain.vmid} on ${plain.node}, which image ${image} names, is no template`,
      cause: 'The VM was never converted.',
      remedy: `Run on ${plain.node}: qm template ${plain.vmid}`,
    });
  }
  const down = templates[0];
  return new DecodedFailure({
    reason: down === undefined ? 'PVE_IMAGE_MISSING' : 'PVE_NODE_UNREACHABLE',
    message:
      down === undefined
        ? `Image ${image} (VM ${vmids}) is not there`
        : `Node ${down.node}, which holds image ${image}, is down`,
    cause:
      down === undefined
        ? 'The template was removed, or the token may not see it.'
        : 'The template’s disk is on a node that is offline.',
    remedy:
      down === undefined
        ? `Create the template, or grant the token VM.Audit and VM.Clone on /vms/${(site.images[image] ?? [])[0] ?? ''}.`
        : 'Bring the node back, or put the template on shared storage.',
    retryable: true,
  });
}

function notOffered(what: string, name: string, known: readonly string[]): DecodedFailure {
  return new DecodedFailure({
    reason: 'SITE_NOT_OFFERED',
    message: `The site offers no ${what} named ${name}`,
    cause: `It offers: ${known.join(', ') || 'none'}.`,
    remedy: `Add it to ${what}s in the site config, or name another in the template.`,
  });
}

/** A VM on our number that is somebody else's. It is never touched. */
export function conflict(vmid: number, node: string | undefined, serverId: string): DecodedFailure {
  const where = node === undefined ? '' : ` on ${node}`;
  return new DecodedFailure({
    reason: 'PVE_CONFLICT',
    message: `VM ${vmid}${where} exists and is not server ${serverId}`,
    cause:
      node === undefined
        ? 'The API token may not even see it: another user’s guest has the number.'
        : 'Its description and SMBIOS UUID do not carry this server’s mark.',
    remedy:
      'It was left untouched. Take its number out of vmids in the site config, or remove it yourself if it is not needed.',
    parameters: { vmid: String(vmid), node: node ?? '' },
    effect: Effect.NONE,
  });
}
