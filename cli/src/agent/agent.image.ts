import { ImageImportSchema, ImportState, type ImageImport } from '@truffle/api/orchestration/v1/image_service';
import type { Handler } from '../command.ts';
import { keyed } from '../connection/connection.ts';
import { CliError, exitCodes, InterruptedError, TimedOutError, UsageError } from '../failure/cli-error.ts';
import type { Invocation } from '../invocation.ts';
import { findAgent, present } from '../lookup/find.ts';
import type { View } from '../output/output.ts';
import { printable } from '../output/printable.ts';
import { bytes, stateName, when } from '../output/text.ts';
import type { Session } from '../session.ts';

interface ImportFlags {
  readonly url?: string;
  readonly sha256?: string;
  readonly node?: string;
  readonly storage?: string;
  readonly wait?: boolean;
}

/** Milliseconds between two looks. */
const lookEvery = 1_000;

const importView: View<typeof ImageImportSchema> = {
  schema: ImageImportSchema,
  name: (each) => each.image,
  columns: {
    IMAGE: (each) => each.image,
    STATE: (each) => stateName(ImportState, each.state),
    NODE: (each) => each.node,
    VMID: (each) => String(each.vmid),
    DISK: (each) => (each.diskBytes === 0n ? '-' : bytes(each.diskBytes)),
    STARTED: (each) => when(each.createdAt),
    ENDED: (each) => when(each.endedAt),
  },
};

/** Ends with 1 when it waited and the import failed. */
export const importImage: Handler<ImportFlags> = async (cli, [name = '', image = ''], flags) => {
  const { url, sha256, node = '', storage = '', wait = false } = flags;
  if (url === undefined || sha256 === undefined)
    throw new UsageError('from where, and what is to be there?', { next: ['--url URL --sha256 CHECKSUM'] });
  const session = await cli.session();
  const agent = await findAgent(session, name);
  const request = { agentId: agent.id, image, url, sha256: sha256.toLowerCase(), node, storage };
  const begun = present((await session.api.images.importImage(request, keyed())).import);
  if (!wait) {
    await cli.out.one(importView, begun);
    return cli.notes.say(`see how it goes: truffle agent image ${agent.name} ${image}`);
  }
  const ended = await followed(cli, session, begun, agent.name);
  await cli.out.one(importView, ended);
  if (ended.state !== ImportState.SUCCEEDED) throw importFailed(ended);
};

export const getImage: Handler = async (cli, [name = '', image = '']) => {
  const session = await cli.session();
  const agent = await findAgent(session, name);
  await cli.out.one(
    importView,
    present((await session.api.images.getImageImport({ agentId: agent.id, image })).import),
  );
};

async function followed(cli: Invocation, session: Session, begun: ImageImport, name: string): Promise<ImageImport> {
  const { agentId, image } = begun;
  let latest = begun;
  try {
    for (let told = ''; latest.state === ImportState.RUNNING; told = latest.detail) {
      if (latest.detail !== told) cli.notes.say(printable(latest.detail));
      await cli.sleep(lookEvery, cli.signal);
      latest = present((await session.api.images.getImageImport({ agentId, image })).import);
    }
    return latest;
  } catch (error) {
    if (!cli.signal.aborted) throw error;
    const next = [`truffle agent image ${name} ${image}`];
    throw cli.signal.reason instanceof TimedOutError
      ? new TimedOutError(`${cli.signal.reason.message}; the import goes on`, next)
      : new InterruptedError('detached; the import goes on', next);
  }
}

function importFailed({ image, failure }: ImageImport): CliError {
  return new CliError(
    exitCodes.failure,
    failure?.reason || 'IMPORT_FAILED',
    failure?.message || `the image ${image} was not imported`,
    {
      details: failure?.cause ? [`cause:  ${failure.cause}`] : [],
      next: [...(failure?.remedy ? [failure.remedy] : []), 'repeat the command: it goes on where it stopped'],
    },
  );
}
