/** Kinds of trouble that reach deeper than one HTTP exchange. */
export type DeepFault =
  | 'agent-absent'
  | 'agent-extra-cards'
  | 'clone-dies'
  | 'guest-hangs'
  | 'lease-unknown'
  | 'neighbour-silent'
  | 'no-worker'
  | 'snapshot-breaks'
  | 'snapshot-slow'
  | 'ssh-refused'
  | 'start-fails-but-runs'
  | 'step-fails'
  | 'storage-lock'
  | 'task-unknown';

/** What a fault does. */
export type FaultAction =
  /** The answer comes `ms` later. */
  | { kind: 'latency'; ms: number }
  /** The work is done but the connection ends without an answer. */
  | { kind: 'drop-reply' }
  /** Nothing is done; the answer is this status, reason and (unless 59x, or `bare` as before version 8.4) a body that says it too. */
  | { kind: 'error'; status: number; reason: string; bare?: boolean }
  /** The task's work is not done; it ends with the text. */
  | { kind: 'task-fails'; text: string }
  /** The task's work is done and it still ends with the text. */
  | { kind: 'task-fails-after'; text: string }
  /** The task logs a warning first and so ends in "WARNINGS: n". */
  | { kind: 'task-warns'; text: string }
  /** The task takes this much longer. */
  | { kind: 'task-delay'; ms: number }
  /** The node is down: 595 for everything proxied to it. */
  | { kind: 'node-down' }
  | { kind: DeepFault; text?: string };

/** The action of one kind. */
export type Action<K extends FaultAction['kind']> = K extends DeepFault
  ? { kind: K; text?: string }
  : Extract<FaultAction, { kind: K }>;

/** Which exchange, task or guest a fault is for; what is absent matches everything. */
export interface FaultMatch {
  /** HTTP verb. */
  method?: string;
  /** A pattern for the path after /api2/json, anchored at both ends: `/nodes/[^/]+/qemu/\\d+/clone`. */
  path?: string;
  vmid?: number;
  node?: string;
  storage?: string;
  /** Type of task: `qmclone`, `qmstart`, … */
  task?: string;
}

export interface Fault extends FaultMatch {
  /** Strike from the nth match on (1 is the first, the default). */
  nth?: number;
  /** How often it strikes; Infinity (null in JSON) for always. Default 1. */
  times?: number | null;
  action: FaultAction;
}

interface Armed {
  id: number;
  fault: Fault;
  seen: number;
  struck: number;
}

/** What is looked up: the same fields as a match, plus the task's type. */
export interface Subject {
  method?: string;
  path?: string;
  vmid?: number;
  node?: string;
  storage?: string;
  type?: string;
}

/** The troubles dialled in. */
export class Faults {
  private armed: Armed[] = [];
  private nextId = 1;

  /** Arms a fault; answers its id. */
  add(fault: Fault): number {
    const id = this.nextId;
    this.nextId += 1;
    this.armed.push({ id, fault, seen: 0, struck: 0 });
    return id;
  }

  remove(id: number): boolean {
    const before = this.armed.length;
    this.armed = this.armed.filter((one) => one.id !== id);
    return this.armed.length < before;
  }

  clear(): void {
    this.armed = [];
  }

  list(): { id: number; fault: Fault; seen: number; struck: number }[] {
    return this.armed.map((one) => ({ ...one }));
  }

  /** The first armed fault of this kind for the subject, counted as struck. */
  take<K extends FaultAction['kind']>(kind: K, subject: Subject): Action<K> | undefined {
    for (const one of this.armed) {
      if (one.fault.action.kind !== kind || !matches(one.fault, subject)) continue;
      one.seen += 1;
      if (one.seen < (one.fault.nth ?? 1) || one.struck >= limit(one.fault)) continue;
      one.struck += 1;
      return one.fault.action as Action<K>;
    }
    return undefined;
  }

  /** Whether a fault of this kind stands for the subject; states that last (agent absent) are only looked at, never used up. */
  peek<K extends FaultAction['kind']>(kind: K, subject: Subject): Action<K> | undefined {
    const found = this.armed.find((one) => one.fault.action.kind === kind && matches(one.fault, subject));
    return found?.fault.action as Action<K> | undefined;
  }
}

function limit(fault: Fault): number {
  return fault.times === null ? Infinity : (fault.times ?? 1);
}

function matches(fault: Fault, subject: Subject): boolean {
  const same = (wanted: unknown, actual: unknown): boolean => wanted === undefined || wanted === actual;
  if (!same(fault.method, subject.method) || !same(fault.vmid, subject.vmid) || !same(fault.node, subject.node))
    return false;
  if (!same(fault.task, subject.type) || !same(fault.storage, subject.storage)) return false;
  return (
    fault.path === undefined || (subject.path !== undefined && new RegExp(`^(?:${fault.path})$`).test(subject.path))
  );
}
