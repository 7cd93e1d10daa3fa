import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';

/** Kept after the run for a person to look through: open `index.html` there. */
const folder = join(import.meta.dirname, 'screenshots');

export const themes = ['light', 'dark'] as const;
export const sizes = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } } as const;
export type SizeName = keyof typeof sizes;

/** Photographs all of the page. */
export async function photograph(page: Page, name: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true, animations: 'disabled' });
}

/** One page with every screenshot there is. */
export function writeIndex(): void {
  if (!existsSync(folder)) return;
  const names = readdirSync(folder)
    .filter((name) => name.endsWith('.png'))
    .toSorted();
  const pages = Map.groupBy(names, (name) => name.split('.').slice(0, 2).join(' · '));
  const sections = [...pages].map(([title, files]) => {
    const figures = files.map(
      (file) =>
        `<figure><a href="${file}"><img loading="lazy" src="${file}" alt=""></a><figcaption>${file}</figcaption></figure>`,
    );
    return `<h2>${title}</h2><div>${figures.join('')}</div>`;
  });
  const style =
    'body{font:14px system-ui;margin:24px;background:#777}div{display:flex;gap:16px;flex-wrap:wrap}figure{margin:0}img{max-height:420px;max-width:560px}';
  writeFileSync(
    join(folder, 'index.html'),
    `<!doctype html><meta charset="utf-8"><title>The console's pages</title><style>${style}</style>${sections.join('\n')}\n`,
  );
}
