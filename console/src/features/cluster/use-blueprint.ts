import { useQuery } from '@connectrpc/connect-query';
import type { Cluster } from '@truffle/api/orchestration/v1/cluster';
import { TemplateService } from '@truffle/api/template/v1/template_service';
import { useMemo } from 'react';
import { blueprintOf, type Blueprint } from './blueprint.ts';

/** What the cluster's template version declares. Undefined while it is on its way, and to who may not read templates. */
export function useBlueprint({ orgId, templateVersionId }: Cluster): {
  readonly blueprint: Blueprint | undefined;
  readonly error: Error | null;
} {
  const { data, error } = useQuery(
    TemplateService.method.getTemplateVersion,
    { orgId, templateVersionId },
    // A version never changes.
    { staleTime: Infinity },
  );
  const source = data?.version?.source;
  return { blueprint: useMemo(() => (source === undefined ? undefined : blueprintOf(source)), [source]), error };
}
