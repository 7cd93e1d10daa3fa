import { createHash } from 'node:crypto';
import { type Call, type Routes, number, vmid } from '../call.ts';
import { RunError } from '../errors.ts';
import type { Vm } from '../vm/vm.ts';

const FIREWALL = '/nodes/{node}/qemu/{vmid}/firewall';

function firewall(call: Call): Vm['firewall'] {
  return call.cluster.vm(vmid(call), call.node).firewall;
}

function digest(what: unknown): string {
  const text = Array.isArray(what) ? what.map((one) => JSON.stringify(one)).join('\n') : Object.keys(what as object).length === 0 ? '' : JSON.stringify(what);
  return createHash('sha1').update(text).digest('hex');
}

/** The parameters that are the thing itself. */
function own(call: Call): Record<string, string | number> {
  const entries = Object.entries(call.params).filter(([key]) => !['node', 'vmid', 'digest', 'pos', 'delete', 'moveto'].includes(key));
  return Object.fromEntries(entries.map(([key, value]) => [key, Array.isArray(value) ? value.join(',') : value]));
}

function ruleAt(call: Call): { rules: Vm['firewall']['rules']; pos: number; rule: Record<string, string | number> } {
  const { rules } = firewall(call);
  const pos = number(call, 'pos') ?? 0;
  const rule = rules[pos];
  if (rule === undefined) throw new RunError(`no rule at position ${pos}`);
  return { rules, pos, rule };
}

/** A guest's firewall as far as orchestrators set it; nothing filters simulated traffic. */
export const firewallRoutes: Routes = {
  [`GET ${FIREWALL}/options`]: (call) => ({ ...firewall(call).options, digest: digest(firewall(call).options) }),
  [`PUT ${FIREWALL}/options`]: (call) => {
    Object.assign(firewall(call).options, own(call));
    call.cluster.changed();
    return null;
  },
  [`GET ${FIREWALL}/rules`]: (call) => firewall(call).rules.map((rule, pos) => ({ ...rule, pos, digest: digest(firewall(call).rules) })),
  [`POST ${FIREWALL}/rules`]: (call) => {
    firewall(call).rules.unshift(own(call));
    call.cluster.changed();
    return null;
  },
  [`GET ${FIREWALL}/rules/{pos}`]: (call) => {
    const { rules, pos, rule } = ruleAt(call);
    return { ...rule, pos: String(pos), digest: digest(rules) };
  },
  [`DELETE ${FIREWALL}/rules/{pos}`]: (call) => {
    const { rules, pos } = ruleAt(call);
    rules.splice(pos, 1);
    call.cluster.changed();
    return null;
  },
};
