import type { Plan } from '@truffle/api/orchestration/v1/cluster';
import { Callout, Flex, Text } from '@radix-ui/themes';
import { lazy, Suspense } from 'react';
import { texts } from '../../texts/texts.ts';
import { StateBadge } from '../../ui/badge.tsx';
import { bytes } from '../../ui/bytes.ts';
import { FailureNotice } from '../../ui/failure.tsx';
import { ListTable } from '../../ui/table.tsx';
import { planColors } from './plan-colors.ts';

const text = texts.cluster;
// What draws is large, and comes when there is a plan.
const PlanPicture = lazy(() => import('./plan-picture.tsx'));

/** What a deployment would do. */
export function PlanView({ plan }: { readonly plan: Plan }) {
  return (
    <Flex direction="column" gap="3">
      <Text size="2" color="gray">
        {text.planHint} {text.totals(plan.totalCpu, bytes(plan.totalMemoryBytes), bytes(plan.totalDiskBytes))}
      </Text>
      {plan.warnings.map((warning) => (
        <Callout.Root highContrast key={warning} color="amber" size="1">
          <Callout.Text>{warning}</Callout.Text>
        </Callout.Root>
      ))}
      {plan.refusals.map((refusal) => (
        <FailureNotice key={refusal.reason + refusal.message} failure={refusal} />
      ))}
      {!plan.fits && plan.refusals.length === 0 && (
        <Callout.Root highContrast color="red">
          <Callout.Text>{text.doesNotFit}</Callout.Text>
        </Callout.Root>
      )}
      <Suspense fallback={null}>
        <PlanPicture plan={plan} />
      </Suspense>
      <ListTable
        label={text.plan}
        rows={plan.actions}
        keyOf={({ kind, resource, name }) => `${kind}/${resource}/${name}`}
        columns={[
          { title: text.name, cell: ({ name, resource }) => name || resource },
          {
            title: text.plan,
            cell: ({ kind }) => <StateBadge state={kind} names={text.actionKinds} colors={planColors} />,
          },
          { title: text.site, cell: ({ node }) => node || '–' },
          { title: texts.server.size, cell: ({ detail }) => <div className="detail">{detail}</div> },
        ]}
      />
    </Flex>
  );
}
