import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import { ImageImportSchema, ImportState, type ImageService } from '@truffle/api/orchestration/v1/image_service';
import { callerOf } from '@truffle/kit';
import { failureMessage } from '../failure.ts';
import { importImage, readImport, type ImageDeps, type ImportView } from './image.usecases.ts';

export const imageRpc = (deps: ImageDeps): ServiceImpl<typeof ImageService> => ({
  importImage: async (request, context) => ({
    import: importMessage(await importImage(deps, callerOf(context), request)),
  }),

  getImageImport: async ({ agentId, image }, context) => ({
    import: importMessage(await readImport(deps, callerOf(context), agentId, image)),
  }),
});

const importMessage = ({ row, detail }: ImportView) =>
  create(ImageImportSchema, {
    agentId: row.agent_id,
    image: row.image,
    state: ImportState[row.state],
    detail,
    vmid: row.vmid,
    node: row.node,
    diskBytes: BigInt(row.disk_bytes),
    ...(row.failure === null ? {} : { failure: failureMessage(row.failure) }),
    createdAt: timestampFromDate(row.created_at),
    ...(row.ended_at === null ? {} : { endedAt: timestampFromDate(row.ended_at) }),
  });
