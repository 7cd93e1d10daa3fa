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

/** What a placement has to heed. */
export interface Wish {
  readonly image: string;
  /** The node that the plan chose. */
  readonly node: string;
  /** Nodes of its fellows: taken only when no other one can be. */
  readonly avoid: readonly string[];
  /** Storage that the disks are copied to; undefined for linked clones. */
  readonly storage: string | undefined;
}

/**
 * Chooses the template and the node: the wanted node where that works; when it is down, the one with the most free memory that the template
 * can be cloned to, away from the server's fellows; else the template's own.
 * @throws DecodedFailure when the image has no usable template, or the storage is only on a node that can't be cloned to
 */
export async function place(site: PveSite, wish: Wish): Promise<Placement> {
  const found = await Promise.all((site.images[wish.image] ?? []).map((vmid) => site.facts.template(vmid)));
  const templates = found.filter((each) => each !== undefined);
  const { nodes, storages } = await site.facts.resources();
  const online = nodes.filter((each) => each.online);
  const usable = templates.filter((each) => each.isTemplate && online.some(({ node }) => node === each.node));
  if (usable.length === 0) throw noTemplate(site, wish.image, templates);
  const rows = storages.filter((each) => each.storage === wish.storage && each.online);
  const sharedTarget = wish.storage === undefined || rows.some((each) => each.shared);
  // A clone is made on the template's node, and ends on another one only when every disk, old and new, is on shared storage.
  const reach = (node: string): TemplateFacts | undefined => {
    const has = wish.storage === undefined || sharedTarget || rows.some((each) => each.node === node);
    if (!has) return undefined;
    return usable.find((each) => each.node === node) ?? usable.find((each) => each.shared && sharedTarget);
  };
  const others = online
    .filter((each) => each.node !== wish.node)
    .sort(
      (a, b) => fellows(wish, a.node) - fellows(wish, b.node) || b.memory - b.memoryUsed - (a.memory - a.memoryUsed),
    )
    .map((each) => each.node);
  const order = online.some((each) => each.node === wish.node) ? [wish.node, ...others] : others;
  for (const target of order) {
    const template = reach(target);
    if (template !== undefined) return { template, target };
  }
  throw localStorage(wish, usable);
}

const fellows = ({ avoid }: Wish, node: string): number => (avoid.includes(node) ? 1 : 0);

function localStorage({ image, storage }: Wish, templates: readonly TemplateFacts[]): DecodedFailure {
  const nodes = templates.map((each) => each.node).join(', ');
  return new DecodedFailure({
    reason: 'PVE_LOCAL_STORAGE',
    message: `Image ${image} on ${nodes} can't be cloned to storage ${storage ?? ''}`,
    cause: 'A clone leaves its image’s node only when all its disks, old and new, are on shared storage.',
    remedy: `Name a storage that ${nodes} has, put image and storage on shared storage, or make the image on the other nodes too.`,
    effect: Effect.NONE,
  });
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

/** What a command names and the site config does not. */
export function notOffered(what: string, name: string, known: readonly string[]): DecodedFailure {
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
        ? 'The API token may not even see it: another user’s guest has the number, or a creation that died left a stub.'
        : 'Its description and SMBIOS UUID do not carry this server’s mark.',
    remedy:
      'It was left untouched. Take its number out of vmids in the site config, or remove it yourself if it is not needed.',
    parameters: { vmid: String(vmid), node: node ?? '' },
    effect: Effect.NONE,
  });
}
