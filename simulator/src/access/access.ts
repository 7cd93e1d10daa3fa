import { BUILT_IN_ROLES } from './privileges.ts';

export interface Token {
  /** Salted in the real one; here only this process sees it. */
  secret: string;
  privsep: boolean;
  comment?: string;
  expire: number;
}

export interface User {
  password?: string;
  enable: boolean;
  expire: number;
  comment?: string;
  email?: string;
  firstname?: string;
  lastname?: string;
  groups: string[];
  tokens: Record<string, Token>;
}

export type AclType = 'user' | 'group' | 'token';

export interface AclEntry {
  path: string;
  type: AclType;
  /** A user, group or `user!token`. */
  ugid: string;
  roleid: string;
  propagate: boolean;
}

/** What an account can do along one path: privilege to "also below this path". */
export type Privileges = Map<string, boolean>;

/** Accounts, groups, roles and access control lists of the cluster, with the real one's rules of inheritance. */
export class Access {
  readonly users: Record<string, User> = {};
  readonly groups: Record<string, { comment?: string }> = {};
  readonly roles: Record<string, string[]> = {};
  acl: AclEntry[] = [];
  /** Pools by guest, needed because a pool's rights reach its members. */
  readonly poolOf: (vmid: number) => string | undefined;
  readonly poolsOfStorage: (storage: string) => string[];

  constructor(poolOf: (vmid: number) => string | undefined, poolsOfStorage: (storage: string) => string[]) {
    this.poolOf = poolOf;
    this.poolsOfStorage = poolsOfStorage;
  }

  rolePrivileges(roleid: string): readonly string[] | undefined {
    return BUILT_IN_ROLES[roleid] ?? this.roles[roleid];
  }

  /** The privileges of `who` (a user or `user!token`) on a path; a separated token never exceeds its user. */
  privileges(who: string, path: string): Privileges {
    if (who === 'root@pam') return new Map((BUILT_IN_ROLES['Administrator'] ?? []).map((one) => [one, true]));
    const [userid = '', tokenid] = who.split('!');
    if (tokenid === undefined) return this.ofRoles(this.roles_(userid, path, false));
    const token = this.users[userid]?.tokens[tokenid];
    if (token === undefined) return new Map();
    const owner = this.privileges(userid, path);
    if (!token.privsep) return owner;
    const own = this.ofRoles(this.roles_(who, path, true));
    return new Map(
      [...own].filter(([one]) => owner.has(one)).map(([one, propagate]) => [one, propagate && owner.get(one) === true]),
    );
  }

  /** Whether `who` holds all (or, with `any`, one) of the privileges on a path. */
  has(who: string, path: string, wanted: readonly string[], any = false): boolean {
    const held = this.privileges(who, path);
    return any ? wanted.some((one) => held.has(one)) : wanted.every((one) => held.has(one));
  }

  private ofRoles(roles: Map<string, boolean>): Privileges {
    const held: Privileges = new Map();
    if (roles.has('NoAccess')) return held;
    for (const [roleid, propagate] of roles) {
      for (const one of this.rolePrivileges(roleid) ?? []) held.set(one, held.get(one) === true || propagate);
    }
    return held;
  }

  private roles_(who: string, path: string, token: boolean): Map<string, boolean> {
    const own = this.rolesAlong(who, path, token);
    if (own.has('NoAccess')) return own;
    for (const pool of this.poolsOf(path)) {
      const viaPool = this.rolesAlong(who, `/pool/${pool}`, token);
      if (viaPool.has('NoAccess')) continue;
      for (const [role, propagate] of viaPool) own.set(role, own.get(role) === true || propagate);
    }
    return own;
  }

  private poolsOf(path: string): string[] {
    const vm = /^\/vms\/(\d+)$/.exec(path)?.[1];
    if (vm !== undefined) {
      const pool = this.poolOf(Number(vm));
      return pool === undefined ? [] : [pool];
    }
    const storage = /^\/storage\/(\S+)$/.exec(path)?.[1];
    return storage === undefined ? [] : this.poolsOfStorage(storage);
  }

  /** Roles on a path: a deeper entry replaces those inherited from above, a user's own entry those of its groups. */
  private rolesAlong(who: string, path: string, token: boolean): Map<string, boolean> {
    const groups = token ? [] : (this.users[who]?.groups ?? []);
    const steps = path === '/' ? [''] : path.split('/');
    let roles = new Map<string, boolean>();
    let prefix = '';
    for (const [at, step] of steps.entries()) {
      prefix = at === 0 ? '/' : prefix === '/' ? `/${step}` : `${prefix}/${step}`;
      const final = at === steps.length - 1;
      const here = this.acl.filter((entry) => entry.path === prefix && (final || entry.propagate));
      const direct = here.filter((entry) => entry.type === (token ? 'token' : 'user') && entry.ugid === who);
      const grouped = here.filter((entry) => entry.type === 'group' && groups.includes(entry.ugid));
      const found = direct.length > 0 ? direct : grouped;
      if (found.length > 0) roles = new Map(found.map((entry) => [entry.roleid, entry.propagate]));
    }
    return roles;
  }
}

const ACL_PATHS = [
  /^\/$/,
  /^\/access$/,
  /^\/access\/groups(\/[A-Za-z0-9.\-_]+)?$/,
  /^\/access\/realm(\/[A-Za-z0-9.\-_]+)?$/,
  /^\/nodes(\/[A-Za-z0-9.-]+)?$/,
  /^\/pool(\/[A-Za-z0-9.\-_]+){0,3}$/,
  /^\/sdn$/,
  /^\/sdn\/(zones|controllers|dns|ipams|fabrics)(\/[A-Za-z0-9.\-_]+){0,3}$/,
  /^\/storage(\/[A-Za-z0-9.\-_]+)?$/,
  /^\/vms(\/[1-9][0-9]{2,})?$/,
  /^\/mapping(\/[A-Za-z0-9.\-_]+){0,2}$/,
];

/** Whether an ACL may be set on the path; answers it in its normal form. */
export function aclPath(path: string): string | undefined {
  const normal = path.replaceAll(/\/+/g, '/').replace(/(.)\/$/, '$1');
  return ACL_PATHS.some((one) => one.test(normal)) ? normal : undefined;
}
