import type { Event } from '@truffle/api/tenant/v1/event';
import { resumed } from '../connection/resume.ts';
import type { Invocation } from '../invocation.ts';
import type { Session } from '../session.ts';

/** Events after a number (or from now on), for ever; a dropped connection is taken up again after the last one. Undefined is a sign of life. */
export async function* followEvents(
  cli: Invocation,
  session: Session,
  after: bigint | undefined,
  resourceId = '',
): AsyncGenerator<Event | undefined> {
  const orgId = await session.orgId();
  let last = after;
  const open = (signal: AbortSignal) =>
    session.api.events.watchEvents({ orgId, resourceId, ...(last === undefined ? {} : { after: last }) }, { signal });
  const onDrop = (attempt: number): void => {
    if (attempt === 1) cli.notes.say('connection lost; trying again');
  };
  for await (const { event } of resumed(open, () => false, { ...cli, onDrop })) {
    if (event !== undefined) last = event.n;
    yield event;
  }
}

/** Looks now, and again after each event that `matters` and each sign of life; until Ctrl-C. */
export async function watchChanges(
  cli: Invocation,
  session: Session,
  matters: (event: Event) => boolean,
  look: () => Promise<void>,
): Promise<never> {
  await look();
  for await (const event of followEvents(cli, session, undefined))
    if (event === undefined || matters(event)) await look();
  throw new TypeError('a watch has no end');
}
