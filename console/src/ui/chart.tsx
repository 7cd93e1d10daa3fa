import { Text } from '@radix-ui/themes';
import { useEffect, useRef } from 'react';
import UPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { useAppearance } from '../app/theme.ts';

/** One line of a chart. */
export interface ChartLine {
  readonly label: string;
  /** One for each time; null where nothing was measured. */
  readonly values: readonly (number | null)[];
}

interface ChartProps {
  readonly title: string;
  /** Seconds since the epoch, ascending. */
  readonly times: readonly number[];
  /** How long before the last of them the axis begins. */
  readonly hours: number;
  readonly lines: readonly ChartLine[];
  readonly format: (value: number) => string;
  /** The axis reaches at least to this, so that next to nothing looks like it. */
  readonly least: number;
  /** What a person who can't see it reads. */
  readonly summary: string;
}

const height = 180;
const axisWidth = 78;
const colors = ['--accent-9', '--teal-9'];

/** Values in time. */
export function Chart({ title, times, hours, lines, format, least, summary }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const [appearance] = useAppearance();
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const last = times.at(-1) ?? 0;
    // The colours of the theme in force.
    const styles = getComputedStyle(element.closest(`.${appearance}`) ?? element);
    const color = (name: string): string => styles.getPropertyValue(name).trim();
    const axis = { stroke: color('--gray-11'), grid: { stroke: color('--gray-a4'), width: 1 }, ticks: { show: false } };
    const chart = new UPlot(
      {
        width: Math.max(200, element.clientWidth),
        height,
        legend: { live: true },
        cursor: { y: false },
        scales: {
          // Of one value the library would make years.
          x: { range: () => [last - hours * 3_600, last] },
          y: { range: (_, low, high) => [Math.min(0, low), Math.max(high * 1.1, least)] },
        },
        axes: [axis, { ...axis, size: axisWidth, values: (_, ticks) => ticks.map(format) }],
        series: [
          {},
          ...lines.map(({ label }, i) => ({
            label,
            stroke: color(colors[i % colors.length] ?? '--accent-9'),
            width: 2,
            value: (_: UPlot, value: number | null) => (value === null ? '–' : format(value)),
          })),
        ],
      },
      [[...times], ...lines.map(({ values }) => [...values])],
      element,
    );
    const resize = new ResizeObserver(() => chart.setSize({ width: Math.max(200, element.clientWidth), height }));
    resize.observe(element);
    return () => {
      resize.disconnect();
      chart.destroy();
    };
  }, [times, hours, lines, format, least, appearance]);
  return (
    <figure className="chart panel">
      <figcaption>
        <Text size="2" weight="medium">
          {title}
        </Text>{' '}
        <Text size="1" color="gray">
          {summary}
        </Text>
      </figcaption>
      <div ref={place} aria-hidden />
    </figure>
  );
}
