import { createClient } from '@connectrpc/connect';
import { useQuery } from '@connectrpc/connect-query';
import type { LogLine, Operation } from '@truffle/api/orchestration/v1/operation';
import { OperationService } from '@truffle/api/orchestration/v1/operation_service';
import { useEffect, useState } from 'react';
import { transport } from '../../app/transport.ts';

const client = createClient(OperationService, transport);
const retryMs = 2_000;

/** Runs `follow` until the component is gone, again after a break. */
async function keepFollowing(follow: (signal: AbortSignal) => Promise<boolean>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      if (await follow(signal)) return;
    } catch {
      // What was missed comes with the next try, which begins where this one ended.
    }
    await new Promise((resolve) => setTimeout(resolve, Math.random() * retryMs));
  }
}

/** An operation as it is, step by step while it runs. */
export function useOperation(operationId: string): {
  readonly operation: Operation | undefined;
  readonly error: Error | null;
} {
  const asked = useQuery(OperationService.method.getOperation, { operationId }, { enabled: operationId !== '' });
  const [seen, setSeen] = useState<Operation>();
  useEffect(() => {
    if (operationId === '') return;
    const stop = new AbortController();
    let after = 0n;
    void keepFollowing(async (signal) => {
      for await (const { operation } of client.watchOperation(
        { operationId, afterRevision: after },
        { signal, timeoutMs: 0 },
      )) {
        if (operation === undefined) continue;
        after = operation.revision;
        setSeen(operation);
        if (operation.endedAt !== undefined) return true;
      }
      return false;
    }, stop.signal);
    return () => stop.abort();
  }, [operationId]);
  const newest =
    seen?.id === operationId && seen.revision >= (asked.data?.operation?.revision ?? 0n) ? seen : asked.data?.operation;
  return { operation: newest, error: newest === undefined ? asked.error : null };
}

/** Lines that are kept on the page; the CLI has them all. */
export const mostLines = 5_000;

/** Hands on the lines of an operation's log from the first on, until `signal`. */
function followLog(operationId: string, take: (lines: readonly LogLine[]) => void, signal: AbortSignal): Promise<void> {
  let after = '';
  return keepFollowing(async () => {
    for await (const { lines } of client.watchOperationLogs({ operationId, after }, { signal, timeoutMs: 0 })) {
      after = lines.at(-1)?.cursor ?? after;
      take(lines);
    }
    return true;
  }, signal);
}

/** The log of an operation, as it grows. */
export function useOperationLog(operationId: string): readonly LogLine[] {
  const [log, setLog] = useState<{ readonly of: string; readonly lines: readonly LogLine[] }>({ of: '', lines: [] });
  useEffect(() => {
    const stop = new AbortController();
    const take = (more: readonly LogLine[]): void =>
      setLog(({ of, lines }) => ({
        of: operationId,
        lines: [...(of === operationId ? lines : []), ...more].slice(-mostLines),
      }));
    void followLog(operationId, take, stop.signal);
    return () => stop.abort();
  }, [operationId]);
  return log.of === operationId ? log.lines : [];
}
