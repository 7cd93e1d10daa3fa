import { globSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(resolve(root, path), 'utf8');

const isTest = (path: string): boolean => /\.(test|fixture|testing)\.tsx?$|\/testing\/|\/testkit\//.test(path);
const filesOf = (...patterns: readonly string[]): readonly string[] =>
  patterns
    .flatMap((pattern) => globSync(pattern, { cwd: root, exclude: ['**/node_modules/**', '**/dist/**'] }))
    .filter((path) => !isTest(path))
    .toSorted();

/** What runs in production. */
const server = filesOf('services/*/src/**/*.ts', 'packages/*/src/**/*.ts', 'agent/src/**/*.ts');
const programs = [...server, ...filesOf('cli/src/**/*.ts', 'deploy/local/src/**/*.ts')];
const browser = filesOf('console/src/**/*.ts', 'console/src/**/*.tsx');

/** `path: line` of each line that matches, but in the files that are allowed to. */
function linesWith(paths: readonly string[], pattern: RegExp, allowed: readonly string[] = []): readonly string[] {
  return paths
    .filter((path) => !allowed.includes(path))
    .flatMap((path) =>
      read(path)
        .split('\n')
        .filter((line) => pattern.test(line) && !/^\s*(\/\/|\*|\/\*)/.test(line))
        .map((line) => `${path}: ${line.trim()}`),
    );
}

describe('the sources', () => {
  it('are found', () => {
    expect(server.length).toBeGreaterThan(300);
    expect(browser.length).toBeGreaterThan(30);
  });

  it('run no text as code', () => {
    const dynamic = /\beval\(|new Function\(|node:vm|\bsetTimeout\(\s*['"`]|import\((?!['"`]|file\b|path)/;
    expect(linesWith(programs, dynamic)).toEqual([]);
    expect(linesWith(browser, /\beval\(|new Function\(|\bsetTimeout\(\s*['"`]/)).toEqual([]);
  });

  it('start no shell: programs get their arguments one by one', () => {
    const shells = /(?<!\.)\bexec\(\s*[`'"]|\bexecSync\(|shell:\s*true|spawn\(\s*['"](ba)?sh['"]/;
    // Uninstalling runs the installer that is part of the program, on stdin, with arguments of ours.
    expect(linesWith(programs, shells, ['agent/src/maintenance.ts'])).toEqual([]);
    // QEMU is the agent's to start.
    expect(
      linesWith(filesOf('services/*/src/**/*.ts', 'packages/*/src/**/*.ts'), /child_process/, [
        'packages/qemu/src/program/run.ts',
      ]),
    ).toEqual([]);
  });

  it('put values into SQL as parameters only', () => {
    // What a template of kysely or a migration names is a constant of ours; a value goes behind a placeholder.
    const glued = /\bquery(<[^>]*>)?\(\s*`[^`]*\b(select|insert|update|delete)\b[^`]*\$\{/i;
    expect(linesWith(server, glued, ['packages/database/src/migrate.ts'])).toEqual([]);
    // Names of columns, and numbers of ours.
    const constants = [
      'packages/database/src/order.ts',
      'services/template/src/template/template.repo.ts',
      'services/template/src/version/version.repo.ts',
      'services/agent-gateway/src/agent/agent.release.ts',
    ];
    const raw = linesWith(server, /sql\.raw\(|sql\.lit\(/, constants);
    expect(raw.filter((line) => !/migrat|idempotency|ledger|envelope\/src/.test(line))).toEqual([]);
  });

  it('verify every certificate, and speak no old TLS', () => {
    expect(
      linesWith(
        programs,
        /rejectUnauthorized:\s*false|NODE_TLS_REJECT_UNAUTHORIZED|checkServerIdentity:\s*\(\)\s*=>\s*undefined/,
        // The doctor shows whose certificate it met where it is not the right one, and says nothing over it.
        ['agent/src/doctor/dial.ts'],
      ),
    ).toEqual([]);
    expect(linesWith(programs, /['"]TLSv1(\.1)?['"]|secureProtocol|SSLv[23]/)).toEqual([]);
  });

  it('use no cipher but AES-256-GCM and ChaCha20-Poly1305, no broken hash, no weak padding', () => {
    const ciphers = programs.flatMap((path) =>
      [...read(path).matchAll(/createCipheriv\(\s*['"]([^'"]+)/g)].map((m) => m[1]),
    );
    expect(new Set(ciphers)).toEqual(new Set(['aes-256-gcm']));
    expect(linesWith(programs, /['"](md5|rc4|des(-[^'"]*|3)?|.*-(ecb|cbc))['"]|RSA_PKCS1_PADDING/i)).toEqual([]);
    // SHA-1 names things (UUIDv5 and statements) and makes one-time codes as RFC 6238 has them; it proves nothing.
    expect(
      linesWith(programs, /['"]sha-?1['"]/i, [
        'packages/ids/src/id.ts',
        'packages/database/src/database.ts',
        'services/tenant/src/factor/totp.ts',
      ]),
    ).toEqual([]);
  });

  it('take what nobody may guess from the system’s generator, and Math.random for pauses alone', () => {
    const random = linesWith(server, /Math\.random/);
    for (const line of random)
      expect(line).toMatch(/random: Math\.random|random \?\? Math\.random|pauseMs|pause|delay|drain/);
    for (const path of [
      'credential/credential.ts',
      'factor/totp.ts',
      'factor/recovery-code.ts',
      'device/user-code.ts',
      'factor/factor.ts',
    ])
      expect(read(`services/tenant/src/${path}`), path).not.toMatch(/Math\.random/);
  });

  it('hold no credential', () => {
    const secret =
      /-----BEGIN [A-Z ]*PRIVATE KEY-----\\?n?[A-Za-z0-9+/]{20}|\btf[ksw]_[0-9A-Za-z]{49}\b|AKIA[0-9A-Z]{16}|(password|secret|apiKey)\s*[:=]\s*['"][^'"$\s]{12,}['"]/;
    expect(linesWith([...programs, ...browser], secret)).toEqual([]);
  });

  it('count no prototype among what a client named', () => {
    expect(linesWith(programs, /\bfor\s*\(\s*(const|let)\s+\w+\s+in\s/)).toEqual([]);
    expect(
      linesWith(server, /__proto__(?!')/, ['packages/template-language/src/hostile.ts']).filter(
        (line) => !/template-language/.test(line),
      ),
    ).toEqual([]);
  });
});

describe('the console', () => {
  it('shows what came from elsewhere as text', () => {
    expect(
      linesWith(browser, /dangerouslySetInnerHTML|\.innerHTML|\.outerHTML|insertAdjacentHTML|document\.write|srcDoc/),
    ).toEqual([]);
  });

  it('goes nowhere that an answer names, but to a provider that a person chose', () => {
    const leaving = linesWith(browser, /location\.(href|assign|replace)|window\.open|target="_blank"/);
    for (const line of leaving) expect(line).toMatch(/features\/account\/(sso|link-identity)|noreferrer|rel=/);
  });

  it('keeps nothing in the browser but its looks, the binding of a sign-in under way, and the public keys it saw', () => {
    const stores = linesWith(browser, /localStorage|sessionStorage|indexedDB|caches\.|document\.cookie/);
    for (const line of stores)
      expect(line).toMatch(/^console\/src\/(app\/theme|features\/account\/sso-binding|features\/cluster\/sealing)\.ts/);
  });

  it('hears no messages of other windows, and loads nothing from another origin', () => {
    expect(linesWith(browser, /postMessage|addEventListener\(\s*['"]message|onmessage|new WebSocket/)).toEqual([]);
    expect(read('console/index.html')).not.toMatch(/(src|href)="(https?:)?\/\//);
    expect(linesWith(browser, /(src|href)=["'`{]+\s*["'`]?(https?:)?\/\//)).toEqual([]);
  });

  it('masks what is typed as a password, and lets password managers and pasting be', () => {
    const fields = browser.flatMap((path) =>
      [...read(path).matchAll(/<Field[^>]*?name="([^"]*password[^"]*)"[^>]*>/gis)].map((m) => m[0]),
    );
    expect(fields.length).toBeGreaterThan(0);
    for (const field of fields) {
      expect(field).toMatch(/type="password"/);
      expect(field).toMatch(/autoComplete="(current|new)-password"/);
    }
    expect(linesWith(browser, /onPaste|onCopy|onContextMenu=.*preventDefault/)).toEqual([]);
  });

  it('shows the way out on every page of who is signed in', () => {
    expect(read('console/src/app/shell.tsx')).toContain('<AccountMenu />');
    expect(read('console/src/features/account/account-menu.tsx')).toContain('signOut.mutate');
  });

  it('forgets what it read when somebody signs out, also when nobody answers', () => {
    const menu = read('console/src/features/account/account-menu.tsx');
    expect(menu).toMatch(/signOut,\s*\{\s*onSettled: \(\) => \{\s*client\.clear\(\);/);
  });
});
