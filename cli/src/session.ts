import type { TruffleClient } from '@truffle/api';
import type { Organization } from '@truffle/api/tenant/v1/tenancy';
import { isId } from '@truffle/ids';
import type { Context } from './context/context.ts';
import { UsageError } from './failure/cli-error.ts';
import { findByName } from './lookup/lookup.ts';
import { everyPage } from './lookup/pages.ts';

/** A client and the places that its commands work in. */
export class Session {
  readonly api: TruffleClient;
  readonly context: Context;
  #org: Promise<string> | undefined;
  #project: Promise<string> | undefined;

  constructor(api: TruffleClient, context: Context) {
    this.api = api;
    this.context = context;
  }

  /**
   * Id of the organization that was named, or of the caller's only one.
   * @throws UsageError when there is a choice
   */
  orgId(): Promise<string> {
    return (this.#org ??= this.#findOrg());
  }

  /**
   * Id of the project that was named, or of the organization's only one, or of the one called `default`.
   * @throws UsageError when there is a choice
   */
  projectId(): Promise<string> {
    return (this.#project ??= this.#findProject());
  }

  async organizations(): Promise<Organization[]> {
    return everyPage(async (page) => {
      const answer = await this.api.organizations.listOrganizations({ page });
      return { items: answer.organizations, next: answer.page?.next };
    });
  }

  async #findOrg(): Promise<string> {
    const named = this.context.org?.value;
    if (named !== undefined && isId(named, 'org')) return named;
    const all = await this.organizations();
    if (named !== undefined) return findByName('organization', named, all, ['truffle org list']).id;
    return only('organization', '--org', all, 'truffle org list').id;
  }

  async #findProject(): Promise<string> {
    const named = this.context.project?.value;
    if (named !== undefined && isId(named, 'prj')) return named;
    const orgId = await this.orgId();
    const all = await everyPage(async (page) => {
      const answer = await this.api.projects.listProjects({ orgId, page });
      return { items: answer.projects, next: answer.page?.next };
    });
    if (named !== undefined) return findByName('project', named, all, ['truffle project list']).id;
    const first = all.find((each) => each.name === 'default');
    return (first ?? only('project', '--project', all, 'truffle project list')).id;
  }
}

function only<T extends { readonly name: string }>(noun: string, flag: string, all: readonly T[], list: string): T {
  const [first, ...others] = all;
  if (first === undefined)
    throw new UsageError(`there is no ${noun} that you may see`, {
      next: [`truffle ${noun === 'organization' ? 'org' : noun} create NAME`],
    });
  if (others.length > 0)
    throw new UsageError(`there is more than one ${noun}`, {
      details: all.map((each) => each.name),
      next: [`name one: ${flag} NAME`, `or for all commands: truffle context use --${flag.slice(2)} NAME`, list],
    });
  return first;
}
