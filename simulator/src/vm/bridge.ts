import type { Cluster } from '../cluster/cluster.ts';
import { requirePrivileges } from '../access/permission.ts';
import { readPropertyString } from '../schema/property-string.ts';
import type { Config } from './vm.ts';

const MODELS = [
  'virtio',
  'e1000',
  'e1000e',
  'e1000-82540em',
  'e1000-82544gc',
  'e1000-82545em',
  'i82551',
  'i82557b',
  'i82559er',
  'ne2k_isa',
  'ne2k_pci',
  'pcnet',
  'rtl8139',
  'vmxnet3',
];

/** The network card as configured. */
export interface Card {
  model: string;
  /** Upper case; empty when not yet generated. */
  mac: string;
  bridge?: string;
  tag?: string;
}

export function readCard(text: string): Card {
  const read = readPropertyString(text, 'model');
  const named = MODELS.find((model) => read[model] !== undefined);
  const card: Card = {
    model: named ?? read['model'] ?? 'virtio',
    mac: (named === undefined ? read['macaddr'] : read[named]) ?? '',
  };
  return {
    ...card,
    ...(read['bridge'] === undefined ? {} : { bridge: read['bridge'] }),
    ...(read['tag'] === undefined ? {} : { tag: read['tag'] }),
  };
}

/** `net0` as stored: model=MAC first, a MAC made up when none was given. */
export function storedCard(text: string, makeMac: () => string): string {
  const card = readCard(text);
  const rest = text.split(',').filter((part) => {
    const [key = ''] = part.split('=');
    return part.includes('=') && key !== 'model' && key !== 'macaddr' && !MODELS.includes(key);
  });
  return [`${card.model}=${card.mac === '' ? makeMac() : card.mac.toUpperCase()}`, ...rest].join(',');
}

/** Demands SDN.Use on the bridges of a configuration. */
export function requireBridges(cluster: Cluster, user: string, config: Config): void {
  for (const [key, value] of Object.entries(config)) {
    if (!/^net\d+$/.test(key)) continue;
    const card = readCard(value);
    if (card.bridge === undefined) continue;
    const zone = cluster.vnets.get(card.bridge)?.zone ?? 'localnetwork';
    const path = `/sdn/zones/${zone}/${card.bridge}${card.tag === undefined ? '' : `/${card.tag}`}`;
    requirePrivileges(cluster.access, user, path, ['SDN.Use']);
  }
}
