import type { ListView } from '@truffle/kit';

/** What somebody may see of an organization's events. */
export interface EventView {
  readonly everything: boolean;
  /** Projects and resources whose events they see; what is of the organization itself is for who sees everything. */
  readonly only: readonly string[];
  /** Projects and resources whose events they do not see. */
  readonly except: readonly string[];
}

/** Finds the projects that are in workspaces. */
export type ProjectsIn = (orgId: string, workspaceIds: readonly string[]) => Promise<readonly string[]>;

/** A view of places as one of events, which name their project and their resource and no workspace. */
export async function eventViewOf(seen: ListView, orgId: string, projectsIn: ProjectsIn): Promise<EventView> {
  const within = async (ids: readonly string[]): Promise<readonly string[]> => {
    const workspaces = ids.filter((id) => id.startsWith('wks_'));
    return workspaces.length === 0 ? ids : [...ids, ...(await projectsIn(orgId, workspaces))];
  };
  const [only, except] = await Promise.all([within(seen.everything ? [] : seen.only), within(seen.except)]);
  return { everything: seen.everything, only, except };
}

/** Whether an event is among what somebody may see. */
export function seesEvent(
  { everything, only, except }: EventView,
  { projectId, resourceId }: { readonly projectId: string; readonly resourceId: string },
): boolean {
  const of = (ids: readonly string[]): boolean => ids.includes(projectId) || ids.includes(resourceId);
  return (everything || of(only)) && !of(except);
}
