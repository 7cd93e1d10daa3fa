import dagre from '@dagrejs/dagre';
import { Badge, Flex, Text, type BadgeProps } from '@radix-ui/themes';
import {
  Background,
  Controls,
  Handle,
  MarkerType,
  Position,
  ReactFlow,
  type Node,
  type NodeProps,
  type ReactFlowInstance,
  type Viewport,
} from '@xyflow/react';
import '@xyflow/react/dist/style.css';
import { useEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import { useAppearance } from '../app/theme.ts';
import { texts } from '../texts/texts.ts';
import { useNarrow } from './narrow.ts';

/** One thing in a box. */
export interface PictureItem {
  readonly id: string;
  readonly title: ReactNode;
  readonly detail: string;
  readonly color: BadgeProps['color'];
  readonly state: string;
}

/** Things that belong together. */
export interface PictureBox {
  readonly id: string;
  readonly title: string;
  readonly items: readonly PictureItem[];
}

export interface PictureLink {
  readonly from: string;
  readonly to: string;
  readonly label: string;
}

interface PictureProps {
  readonly label: string;
  readonly boxes: readonly PictureBox[];
  readonly links: readonly PictureLink[];
}

/** Of more than this a box says how many there are. */
const mostItems = 8;
const boxWidth = 270;
const rowHeight = 46;
const headHeight = 44;
const gap = 70;

const margin = 16;
/** What does not fit at a size that can be read and touched is moved to. */
const leastZoom = 0.7;

/** Where one looks from to see all in the middle of its place; of what is larger than that, the beginning. */
function fitted({ clientWidth, clientHeight }: HTMLElement, width: number, height: number): Viewport {
  const fits = Math.min((clientWidth - 2 * margin) / width, (clientHeight - 2 * margin) / height);
  const zoom = Math.min(1, Math.max(leastZoom, fits));
  return {
    x: Math.max(margin, (clientWidth - width * zoom) / 2),
    y: Math.max(margin, (clientHeight - height * zoom) / 2),
    zoom,
  };
}

type BoxNode = Node<{ readonly box: PictureBox; readonly narrow: boolean }, 'box'>;

const heightOf = ({ items }: PictureBox): number =>
  headHeight + Math.max(1, Math.min(items.length, mostItems) + (items.length > mostItems ? 1 : 0)) * rowHeight;

/** Where each box is drawn: what is linked stands in layers, from left to right; where there is no room beside each other, one below the other. */
function layout(boxes: readonly PictureBox[], links: readonly PictureLink[], narrow: boolean): BoxNode[] {
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: 'LR', ranksep: gap * 2, nodesep: gap / 2 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const box of boxes) graph.setNode(box.id, { width: boxWidth, height: heightOf(box) });
  for (const { from, to } of links) graph.setEdge(from, to);
  dagre.layout(graph);
  const placed = boxes.map((box) => ({ box, height: heightOf(box), ...graph.node(box.id) }));
  const nodes = placed.map(({ box, height, x, y }): BoxNode => ({
    id: box.id,
    type: 'box',
    position: { x: x - boxWidth / 2, y: y - height / 2 },
    width: boxWidth,
    height,
    data: { box, narrow },
  }));
  return narrow ? stacked(nodes) : nodes;
}

/** The same in one column, layer after layer; within a layer as they were given. */
function stacked(nodes: readonly BoxNode[]): BoxNode[] {
  let y = 0;
  return nodes
    .toSorted((a, b) => a.position.x - b.position.x)
    .map((node) => {
      const position = { x: 0, y };
      y += (node.height ?? 0) + gap;
      return { ...node, position };
    });
}

/** What makes a picture another one, rather than the same with other words in it. */
const shapeOf = (boxes: readonly PictureBox[], links: readonly PictureLink[]): string =>
  [...boxes.map(({ id, items }) => `${id}:${items.length}`), ...links.map(({ from, to }) => `${from}>${to}`)].join(' ');

/** Boxes and the links between them. What it shows is also in a table beside it: a picture is for who looks. */
export function Picture({ label, boxes, links }: PictureProps) {
  const [appearance] = useAppearance();
  const narrow = useNarrow();
  const nodes = useMemo(() => layout(boxes, links, narrow), [boxes, links, narrow]);
  const edges = links.map(({ from, to, label: about }) => ({
    id: `${from}/${to}/${about}`,
    source: from,
    target: to,
    label: about,
    markerEnd: { type: MarkerType.ArrowClosed },
  }));
  const place = useRef<HTMLElement>(null);
  const [flow, setFlow] = useState<ReactFlowInstance<BoxNode>>();
  const tallest = Math.max(...nodes.map(({ position, height = 0 }) => position.y + height), 0);
  const widest = Math.max(...nodes.map(({ position }) => position.x + boxWidth), 0);
  useEffect(() => {
    const element = place.current;
    if (flow === undefined || element === null) return;
    // By the sizes that are known here: the library's own fitting goes by the place's size of before.
    const watch = new ResizeObserver(() => void flow.setViewport(fitted(element, widest, tallest)));
    watch.observe(element);
    return () => watch.disconnect();
  }, [flow, widest, tallest]);
  return (
    <figure
      ref={place}
      className="picture"
      aria-label={label}
      style={{ height: Math.min(narrow ? Infinity : 560, Math.max(220, tallest + gap)) }}
    >
      <ReactFlow
        key={`${narrow} ${shapeOf(boxes, links)}`}
        onInit={setFlow}
        nodes={nodes}
        edges={edges}
        nodeTypes={nodeTypes}
        colorMode={appearance}
        minZoom={0.2}
        nodesDraggable={false}
        nodesConnectable={false}
        nodesFocusable={false}
        edgesFocusable={false}
        elementsSelectable={false}
        zoomOnScroll={false}
        preventScrolling={false}
      >
        <Background gap={24} />
        {!narrow && <Controls showInteractive={false} aria-label={texts.picture.controls} />}
      </ReactFlow>
    </figure>
  );
}

function Box({ data: { box, narrow } }: NodeProps<BoxNode>) {
  const hidden = box.items.length - mostItems;
  return (
    <div className="picture-box nopan">
      <Handle type="target" position={narrow ? Position.Top : Position.Left} isConnectable={false} />
      <Flex justify="between" align="center" className="picture-head">
        <Text size="2" weight="bold">
          {box.title}
        </Text>
        <Text size="1" color="gray">
          {box.items.length}
        </Text>
      </Flex>
      {box.items.slice(0, mostItems).map(({ id, title, detail, color, state }) => (
        <Flex key={id} justify="between" align="center" gap="2" className="picture-item">
          <div className="picture-text">
            <Text as="div" size="1" weight="medium" truncate>
              {title}
            </Text>
            <Text as="div" size="1" color="gray" truncate>
              {detail}
            </Text>
          </div>
          <Badge highContrast size="1" color={color}>
            {state}
          </Badge>
        </Flex>
      ))}
      {hidden > 0 && (
        <Text as="div" size="1" color="gray" className="picture-item">
          {texts.picture.more(hidden)}
        </Text>
      )}
      <Handle type="source" position={narrow ? Position.Bottom : Position.Right} isConnectable={false} />
    </div>
  );
}

const nodeTypes = { box: Box };
