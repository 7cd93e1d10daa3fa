import axe, { type AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';

/** WCAG 2.2 AA, and what axe's makers hold to be good practice. */
const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** Waits for what moves to its end: colours on their way to others are neither. What moves for ever is let be. */
const still = `Promise.allSettled(
  document.getAnimations()
    .filter((each) => Number.isFinite(each.effect?.getComputedTiming().endTime))
    .map((each) => each.finished),
)`;

/** What axe finds on the page as it is now: nothing, for a page that everybody can use. */
export async function findBarriers(page: Page): Promise<string[]> {
  if (!(await page.evaluate<boolean>('"axe" in globalThis'))) await page.evaluate(axe.source);
  await page.evaluate(still);
  const options = JSON.stringify({ runOnly: { type: 'tag', values: tags } });
  // What an open dialog covers is not there to be read.
  const context = JSON.stringify({ exclude: [['[data-aria-hidden="true"]']] });
  const { violations } = await page.evaluate<AxeResults>(`axe.run(${context}, ${options})`);
  return violations.flatMap(({ id, help, nodes }) => nodes.map(({ html }) => `${id}: ${help}: ${html.slice(0, 200)}`));
}
