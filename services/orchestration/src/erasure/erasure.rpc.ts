import type { ServiceImpl } from '@connectrpc/connect';
import type { ErasureService } from '@truffle/api/orchestration/v1/erasure_service';
import type { Database } from '@truffle/database';
import type { Tables } from '../cluster/cluster.table.ts';
import { eraseNames } from './erasure.repo.ts';

const page = 500;

/** @param database as `svc_orchestration_sweep` */
export const erasureRpc = (database: Database<Tables>): ServiceImpl<typeof ErasureService> => ({
  eraseSubject: async ({ subject, orgId }) => {
    let erased = 0;
    for (let done = page; done === page; erased += done)
      done = await database.anywhere((tx) => eraseNames(tx, subject, orgId, page));
    return { erased: BigInt(erased) };
  },
});
