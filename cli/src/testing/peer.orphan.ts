import { OrphanState } from '@truffle/api/orchestration/v1/orphan_service';

/** VM numbers of orphans, of those that can't be removed, and of those that only an operator can go on with. */
interface Orphans {
  readonly orphans: readonly number[];
  readonly stuck: readonly number[];
  readonly blocked: readonly number[];
}

/** What the peer answers of a site's orphans. */
export const orphansOf = ({ orphans, stuck, blocked }: Orphans, remove: boolean) =>
  orphans.map((vmid) => {
    const serverName = `old-${vmid}`;
    if (blocked.includes(vmid))
      return { vmid, serverName, state: OrphanState.OPERATOR_REQUIRED, command: `qm unlock ${vmid}` };
    if (!remove) return { vmid, serverName, state: OrphanState.FOUND };
    return { vmid, serverName, state: stuck.includes(vmid) ? OrphanState.FAILED : OrphanState.REMOVED };
  });
