import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { servePages } from './pages.ts';

let folder: string;
let server: Server;
let url: string;

/** Writes a console's files as its build does: into an emptied folder, the page before what it names. */
function build(name: string): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, 'assets'), { recursive: true });
  writeFileSync(join(folder, 'index.html'), `<script src="/assets/${name}.js"></script>`);
  writeFileSync(join(folder, 'assets', `${name}.js`), `// ${name}`);
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'truffle-pages-'));
  build('one');
  const pages = servePages(folder);
  server = createServer((request, response) => {
    if (!pages(request, response)) response.writeHead(418).end();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

const textOf = async (path: string): Promise<readonly [number, string]> => {
  const answer = await fetch(`${url}${path}`);
  return [answer.status, await answer.text()];
};

describe('the console', () => {
  it('is served as it was built last, without a restart', async () => {
    expect(await textOf('/o/acme')).toEqual([200, '<script src="/assets/one.js"></script>']);
    expect(await textOf('/assets/one.js')).toEqual([200, '// one']);
    build('second');
    expect(await textOf('/o/acme')).toEqual([200, '<script src="/assets/second.js"></script>']);
    expect(await textOf('/assets/second.js')).toEqual([200, '// second']);
    expect((await textOf('/assets/one.js'))[0]).toBe(404);
    // What a build writes last, e.g. what it compressed, comes into being when the page is there already.
    writeFileSync(join(folder, 'assets', 'late.js'), '// late');
    expect(await textOf('/assets/late.js')).toEqual([200, '// late']);
  });

  it('says 404 while it is built, and is there again after', async () => {
    rmSync(folder, { recursive: true });
    expect((await textOf('/o/acme'))[0]).toBe(404);
    build('third');
    expect(await textOf('/o/acme')).toEqual([200, '<script src="/assets/third.js"></script>']);
  });

  it('must be there at the start', () => {
    expect(() => servePages(join(folder, 'assets'))).toThrow('there is no built console');
  });
});
