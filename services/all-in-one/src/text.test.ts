import { ScalarType, toJsonString, type DescField, type DescMessage } from '@bufbuild/protobuf';
import { Code } from '@connectrpc/connect';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call, everyMethod, everythingOf, requestOf } from './contract.fixture.ts';
import { startControlPlane, type ControlPlane } from './control-plane.fixture.ts';
import { makeEverything, type Everything } from './everything.fixture.ts';
import { idPathsOf, keyOf, putId, type IdPath } from './id-field.fixture.ts';

let plane: ControlPlane;
let tenant: Everything;
let other: Everything;

beforeAll(async () => {
  plane = await startControlPlane('texts');
  tenant = await makeEverything(plane, plane.owner, 'texts');
  other = await makeEverything(plane, await plane.signUp('bystander'), 'bystander');
}, 120_000);

afterAll(() => plane?.close(), 60_000);

/** What means something to a database, a shell, a page, a path, a mail, a log, a template or a prototype. */
const hostile = [
  `x'; drop table tenant.organization; --`,
  `' or '1'='1`,
  '%_\\',
  '$(reboot) `id` | cat /etc/passwd',
  '<img src=x onerror=alert(1)>',
  '../../../../etc/passwd',
  'a\r\nBcc: everybody@example.com',
  '${{7*7}} {{constructor}} #{7*7} %s%n',
  '__proto__',
  '\u202etxt.exe\u0000',
];

/** Every text that a request can have, whatever it means. */
function textsIn(message: DescMessage, above: IdPath = []): IdPath[] {
  return message.fields.flatMap((field: DescField) => {
    const path = [...above, field];
    const isText =
      (field.fieldKind === 'scalar' || (field.fieldKind === 'list' && field.listKind === 'scalar')) &&
      field.scalar === ScalarType.STRING;
    if (isText) return [path];
    const inner = field.message;
    const isLoop = inner === undefined || above.some((each) => each.parent === inner);
    return isLoop || inner.typeName.startsWith('google.') ? [] : textsIn(inner, path);
  });
}

/** These end what the test stands on. */
const ending = new Set([
  'SignOut',
  'DeleteAccount',
  'DeleteProject',
  'DeleteWorkspace',
  'EraseAuditSubject',
  'RevokeOtherSessions',
  'SetAllowlist',
  'RequireSecondFactor',
  'DeleteBinding',
]);

const asked = everyMethod.filter(([, , method]) => !ending.has(method.name));

describe('a text', () => {
  it('is text and nothing else, in every field of every method', { timeout: 280_000 }, async () => {
    const transport = plane.host.transport(tenant.owner.token);
    const before = await everythingOf(plane.database, other.owner.orgId, other.userId);
    let fields = 0;
    for (const [name, service, method] of asked)
      for (const path of textsIn(method.input)) {
        fields += 1;
        // Two of them for each field, others for the next: each is in many fields.
        for (const at of [fields, fields + 3]) {
          const text = hostile[at % hostile.length] ?? '';
          const request = requestOf(method.input, () => undefined);
          for (const idPath of idPathsOf(method)) putId(request, idPath, tenant.ids[keyOf(idPath.at(-1)!)] ?? '');
          putId(request, path, text);
          const which = `${name} ${path.map((f) => f.name).join('.')} ${JSON.stringify(text)}`;
          const answer = await call(transport, service, method, request);
          expect([Code.Internal, Code.Unknown, Code.DataLoss], `${which}: ${answer.text}`).not.toContain(answer.code);
          expect(answer.text, which).not.toMatch(/syntax error|at character|pg_|root:x|node:internal/);
        }
      }
    expect(fields).toBeGreaterThan(250);
    expect(await everythingOf(plane.database, other.owner.orgId, other.userId)).toBe(before);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    // What was stored of it comes back as it was written.
    const { groups } = await tenant.owner.client.groups.listGroups({ orgId: tenant.owner.orgId });
    expect(groups.length).toBeGreaterThan(0);
  });

  it('as a filter finds what is called so, not what its signs would mean', async () => {
    const { client, orgId } = tenant.owner;
    expect((await client.templates.listTemplates({ orgId, name: '%' })).templates).toEqual([]);
    expect((await client.templates.listTemplates({ orgId, name: `own' or true --` })).templates).toEqual([]);
    expect((await client.events.listEvents({ orgId, resourceId: `' or 1=1 --` })).events).toEqual([]);
  });

  it('that an answer holds is JSON’s, however it is asked for', async () => {
    const { client, orgId } = tenant.owner;
    const description = `</script><script>alert("1")</script>\u2028\\"`;
    await client.groups.createGroup({ orgId, name: 'shown', description });
    const response = await fetch(`${plane.host.url}/v1/organizations/${orgId}/groups`, {
      headers: { authorization: `Bearer ${tenant.owner.token}`, accept: 'text/html' },
    });
    expect(response.headers.get('content-type')).toBe('application/json');
    const { groups } = (await response.json()) as { groups: { name: string; description: string }[] };
    expect(groups.find((each) => each.name === 'shown')?.description).toBe(description);
  });
});

describe('a request', () => {
  it(
    'sets no field that is not the caller’s to set: what is not in the contract is refused',
    { timeout: 120_000 },
    async () => {
      for (const [name, service, method] of everyMethod) {
        if (method.methodKind !== 'unary') continue;
        const request = JSON.parse(
          toJsonString(
            method.input,
            requestOf(method.input, () => undefined),
          ),
        ) as object;
        for (const extra of ['"isAdmin":true', '"createdAt":"2020-01-01T00:00:00Z"', '"__proto__":{"polluted":1}']) {
          const rest = JSON.stringify(request).slice(1, -1);
          const response = await fetch(`${plane.host.url}/${service.typeName}/${method.name}`, {
            method: 'POST',
            headers: { 'content-type': 'application/json', authorization: `Bearer ${tenant.owner.token}` },
            body: `{${[rest, extra].filter((each) => each !== '').join()}}`,
          });
          expect([name, extra, response.status]).toEqual([name, extra, 400]);
        }
      }
      expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    },
  );
});
