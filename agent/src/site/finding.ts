/** One thing that would make a deployment fail, and what mends it. */
export interface Finding {
  readonly kind: 'privilege' | 'reach' | 'image' | 'storage' | 'bridge' | 'node' | 'vmids' | 'ha';
  /** What it is about: a path of the permission system, an image, a storage, a node. */
  readonly subject: string;
  /** One sentence. */
  readonly problem: string;
  /** What to do, where it is no command. */
  readonly remedy: string;
  /** Commands that mend it, to be typed as root on a node, in this order. */
  readonly commands: readonly string[];
  /** Privileges that are missing at `subject`. */
  readonly missing: readonly string[];
}

/** A finding with what it leaves out. */
export function finding(
  kind: Finding['kind'],
  subject: string,
  problem: string,
  rest: { readonly remedy?: string; readonly commands?: readonly string[]; readonly missing?: readonly string[] } = {},
): Finding {
  return { kind, subject, problem, remedy: '', commands: [], missing: [], ...rest };
}

/** A finding in one line. */
export function findingText({ problem, remedy, commands }: Finding): string {
  const typed = commands.length === 0 ? '' : ` As root: ${commands.join('; ')}`;
  return `${problem}${remedy === '' ? '' : ` ${remedy}`}${typed}`;
}
