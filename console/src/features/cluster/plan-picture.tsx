import { ActionKind, type Plan } from '@truffle/api/orchestration/v1/cluster';
import { useMemo } from 'react';
import { texts } from '../../texts/texts.ts';
import { Picture, type PictureBox } from '../../ui/picture.tsx';
import { planColors } from './plan-colors.ts';

const text = texts.cluster;

/** A plan drawn: what is made on which node of the site, and what is rolled out on it, in order. */
export default function PlanPicture({ plan }: { readonly plan: Plan }) {
  const { boxes, links } = useMemo(() => {
    const placed = plan.actions.filter(({ resource }) => resource === 'server');
    const nodes = [...Map.groupBy(placed, ({ node }) => node || text.noNode)].map(([node, actions]): PictureBox => ({
      id: `node/${node}`,
      title: node,
      items: actions.map(({ kind, name, detail }) => ({
        id: name,
        title: name,
        detail,
        color: planColors[kind],
        state: text.actionKinds[kind] ?? '',
      })),
    }));
    const rollouts = plan.actions.filter(({ kind }) => kind === ActionKind.DEPLOY);
    const deployments: PictureBox = {
      id: 'deployments',
      title: text.thenDeploy,
      items: rollouts.map(({ kind, name, detail }, i) => ({
        id: name,
        title: `${i + 1}. ${name}`,
        detail,
        color: planColors[kind],
        state: text.actionKinds[kind] ?? '',
      })),
    };
    if (rollouts.length === 0) return { boxes: nodes, links: [] };
    return {
      boxes: [...nodes, deployments],
      links: nodes.map(({ id }) => ({ from: id, to: deployments.id, label: '' })),
    };
  }, [plan]);
  return boxes.length === 0 ? null : <Picture label={text.planPicture} boxes={boxes} links={links} />;
}
