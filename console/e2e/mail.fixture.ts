import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../../deploy/local/src/deadline.ts';
import type { Stack } from './stack.fixture.ts';

/** Waits for a mail to an address that links to a page, and answers the link's path. */
export function linkOfMail({ mailFolder }: Stack, to: string, page: string): Promise<string> {
  const link = new RegExp(`/account/${page}#token=[\\w-]+`);
  return until({ what: `the mail to ${to}`, milliseconds: 20_000, every: 100 }, () => {
    const names = existsSync(mailFolder) ? readdirSync(mailFolder).filter((name) => name.endsWith('.txt')) : [];
    const texts = names.map((name) => readFileSync(join(mailFolder, name), 'utf8'));
    return link.exec(texts.find((text) => text.includes(`To: ${to}\n`) && link.test(text)) ?? '')?.[0];
  });
}
