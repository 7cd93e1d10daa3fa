import { createHash } from 'node:crypto';
import { type Call, type Routes, need, number, text, vmid } from '../call.ts';
import { RunError } from '../errors.ts';
import type { Firewall } from '../vm/vm.ts';

const FIREWALL = '/nodes/{node}/qemu/{vmid}/firewall';

function firewall(call: Call): Firewall {
  return call.cluster.vm(vmid(call), call.node).firewall;
}

function digest(what: unknown): string {
  const text = Array.isArray(what)
    ? what.map((one) => JSON.stringify(one)).join('\n')
    : Object.keys(what as object).length === 0
      ? ''
      : JSON.stringify(what);
  return createHash('sha1').update(text).digest('hex');
}

/** The parameters that are the thing itself. */
function own(call: Call): Record<string, string | number> {
  const entries = Object.entries(call.params).filter(
    ([key]) => !['node', 'vmid', 'digest', 'pos', 'delete', 'moveto'].includes(key),
  );
  return Object.fromEntries(entries.map(([key, value]) => [key, Array.isArray(value) ? value.join(',') : value]));
}

function ruleAt(call: Call): { rules: Firewall['rules']; pos: number; rule: Record<string, string | number> } {
  const { rules } = firewall(call);
  const pos = number(call, 'pos') ?? 0;
  const rule = rules[pos];
  if (rule === undefined) throw new RunError(`no rule at position ${pos}`);
  return { rules, pos, rule };
}

function ipset(call: Call): Firewall['ipsets'][string] {
  const found = firewall(call).ipsets[need(call, 'name')];
  if (found === undefined) throw new RunError(`no such IPSet '${need(call, 'name')}'`);
  return found;
}

/** A guest's firewall as far as orchestrators set it; nothing filters simulated traffic. */
export const firewallRoutes: Routes = {
  [`GET ${FIREWALL}/options`]: (call) => ({ ...firewall(call).options, digest: digest(firewall(call).options) }),
  [`PUT ${FIREWALL}/options`]: (call) => {
    Object.assign(firewall(call).options, own(call));
    call.cluster.changed();
    return null;
  },
  [`GET ${FIREWALL}/rules`]: (call) =>
    firewall(call).rules.map((rule, pos) => ({ ...rule, pos, digest: digest(firewall(call).rules) })),
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
  [`GET ${FIREWALL}/ipset`]: (call) =>
    Object.entries(firewall(call).ipsets).map(([name, set]) => ({
      name,
      digest: digest(set),
      ...(set.comment === undefined ? {} : { comment: set.comment }),
    })),
  [`POST ${FIREWALL}/ipset`]: (call) => {
    const { ipsets } = firewall(call);
    const name = need(call, 'name');
    if (ipsets[name] !== undefined) throw new RunError(`IPSet '${name}' already exists`);
    const comment = text(call, 'comment');
    ipsets[name] = { members: [], ...(comment === undefined ? {} : { comment }) };
    call.cluster.changed();
    return null;
  },
  [`GET ${FIREWALL}/ipset/{name}`]: (call) =>
    ipset(call).members.map((member) => ({ ...member, digest: digest(ipset(call)) })),
  [`POST ${FIREWALL}/ipset/{name}`]: (call) => {
    const { name: _name, ...member } = own(call);
    const set = ipset(call);
    if (set.members.some((one) => one['cidr'] === member['cidr']))
      throw new RunError(`address '${String(member['cidr'])}' already exists`);
    set.members.push(member);
    call.cluster.changed();
    return null;
  },
};
