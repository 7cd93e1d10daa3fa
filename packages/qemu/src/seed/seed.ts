import { isoImage } from '../iso/iso.ts';

/** A card of a guest and what it is to have. */
export interface SeedCard {
  /** Lower case. */
  readonly mac: string;
  /** As `address/prefix`. */
  readonly address: string;
  /** The way to all other networks; undefined for none. */
  readonly gateway?: string;
  /** Who resolves names; undefined for nobody. */
  readonly resolver?: string;
}

/** Who a guest is. */
export interface SeedFacts {
  /** Cloud-init takes the guest for a new one when it changes. */
  readonly instanceId: string;
  readonly hostname: string;
  readonly user: string;
  /** Public keys in OpenSSH's form. */
  readonly keys: readonly string[];
  readonly cards: readonly SeedCard[];
}

/** The image (NoCloud) that tells a guest who it is: the same bytes for the same facts. JSON inside, which is YAML without its quoting. */
export function seedImage({ instanceId, hostname, user, keys, cards }: SeedFacts): Buffer {
  const person = {
    name: user,
    ssh_authorized_keys: keys,
    sudo: 'ALL=(ALL) NOPASSWD:ALL',
    shell: '/bin/bash',
    lock_passwd: true,
  };
  const userData = { hostname, manage_etc_hosts: true, ssh_pwauth: false, users: [person] };
  const ethernets = Object.fromEntries(cards.map((card, at) => [`eth${at}`, ethernet(card, `eth${at}`)]));
  const files = {
    'meta-data': JSON.stringify({ 'instance-id': instanceId, 'local-hostname': hostname }),
    'user-data': `#cloud-config\n${JSON.stringify(userData)}`,
    'network-config': JSON.stringify({ version: 2, ethernets }),
  };
  const contents = Object.entries(files).map(([name, text]) => ({ name, content: Buffer.from(`${text}\n`) }));
  return isoImage('cidata', contents);
}

function ethernet({ mac, address, gateway, resolver }: SeedCard, name: string) {
  return {
    match: { macaddress: mac },
    'set-name': name,
    addresses: [address],
    ...(gateway === undefined ? {} : { routes: [{ to: 'default', via: gateway }] }),
    ...(resolver === undefined ? {} : { nameservers: { addresses: [resolver] } }),
  };
}
