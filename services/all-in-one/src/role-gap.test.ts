import type { DescMethod, Message } from '@bufbuild/protobuf';
import { Code, type Transport } from '@connectrpc/connect';
import { Role } from '@truffle/api/tenant/v1/account';
import { knownPermissions, rulesOf } from '@truffle/kit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { byPermission, call, everythingOf, requestOf } from './contract.fixture.ts';
import { startControlPlane, type ControlPlane } from './control-plane.fixture.ts';
import { makeEverythingAtSite, type Everything } from './everything.fixture.ts';
import { absentLike, idPathsOf, keyOf, putId } from './id-field.fixture.ts';

let plane: ControlPlane;
let tenant: Everything;

beforeAll(async () => {
  plane = await startControlPlane('gap');
  tenant = await makeEverythingAtSite(plane, plane.owner, 'gap');
}, 120_000);

afterAll(() => plane?.close(), 60_000);

/** A request with good ids; `absent` names fields whose id is of nothing instead. */
function requestFor(method: DescMethod, absent: readonly string[] = []): Message {
  const request = requestOf(method.input, () => undefined);
  for (const path of idPathsOf(method)) {
    const field = path.at(-1)!;
    const id = tenant.ids[keyOf(field)] ?? '';
    putId(request, path, absent.includes(field.name) ? absentLike(id) : id);
  }
  return request;
}

/** A program that holds `permissions` in the whole organization by a role made of them. */
async function programWith(name: string, permissions: readonly string[]): Promise<Transport> {
  const { client, orgId } = tenant.owner;
  const { role } = await client.roles.createRole({ orgId, name, permissions: [...permissions] });
  const { serviceAccount } = await client.serviceAccounts.createServiceAccount({ orgId, name });
  const serviceAccountId = serviceAccount?.id ?? '';
  const subject = `service_account:${serviceAccountId}`;
  await client.members.setBinding({ scopeId: orgId, subject, roleId: role?.id ?? '' });
  const { secret } = await client.apiKeys.createApiKey({ scopeId: orgId, name, serviceAccountId });
  return plane.host.transport(secret);
}

const permissions = [...new Set(byPermission.map(([, , method]) => rulesOf(method).permission))].toSorted();
/** Who may not read such a thing finds none. */
const nouns: Readonly<Record<string, string>> = {
  agent_id: 'agent',
  cluster_id: 'cluster',
  server_id: 'server',
  operation_id: 'operation',
};

describe('a role with every permission but', { timeout: 120_000 }, () => {
  const programs = new Map<string, Transport>();
  let before: string;

  beforeAll(async () => {
    const atOnce = 6;
    for (let at = 0; at < permissions.length; at += atOnce)
      await Promise.all(
        permissions.slice(at, at + atOnce).map(async (missing, i) => {
          const others = [...knownPermissions()].filter((each) => each !== missing);
          programs.set(missing, await programWith(`without-${at + i}`, others));
        }),
      );
    before = await everythingOf(plane.database, tenant.owner.orgId);
  }, 240_000);

  it.each(permissions)('%s may do nothing that needs it', async (missing) => {
    const transport = programs.get(missing)!;
    for (const [name, service, method] of byPermission) {
      const { permission, resource } = rulesOf(method);
      if (permission !== missing) continue;
      const answer = await call(transport, service, method, requestFor(method));
      if (permission !== `${nouns[resource]}.get`) {
        expect(answer, name).toMatchObject({ code: Code.PermissionDenied, about: { permission } });
        continue;
      }
      const absent = requestFor(method, [resource]) as Message & Record<string, unknown>;
      const field = method.input.fields.find((each) => each.name === resource);
      const nothing = await call(transport, service, method, absent);
      expect(answer, name).toMatchObject({ code: Code.NotFound });
      const id = String(absent[field?.localName ?? '']);
      expect(answer.text.replaceAll(tenant.ids[resource] ?? '', id)).toBe(nothing.text);
    }
  });

  it('some changes nothing by asking', async () => {
    expect(await everythingOf(plane.database, tenant.owner.orgId)).toBe(before);
  });
});

describe("another project's owner", { timeout: 120_000 }, () => {
  it('finds nothing of this project or of the organization by any method but what that shares, and changes nothing', async () => {
    const { client, orgId, workspaceId } = tenant.owner;
    const { project } = await client.projects.createProject({ workspaceId, name: 'other' });
    const wanted = { scopeId: project?.id ?? '', name: 'elsewhere', role: Role.OWNER };
    const { secret } = await client.apiKeys.createApiKey(wanted);
    const before = await everythingOf(plane.database, orgId);
    for (const [name, service, method] of byPermission) {
      const answer = await call(plane.host.transport(secret), service, method, requestFor(method));
      const { filtered, shared, resource } = rulesOf(method);
      const known = [
        'org_id',
        'workspace_id',
        ...(shared ? ['agent_id', 'template_id', 'template_version_id', 'key_id'] : []),
      ];
      if (shared || (filtered && resource === 'org_id')) {
        expect(answer.code, `${name}: ${answer.text}`).toBeUndefined();
        for (const [of, id] of Object.entries(tenant.ids))
          if (!known.includes(of)) expect(answer.text, `${name} ${of}`).not.toContain(id);
      } else expect(answer, `${name}: ${answer.text}`).toMatchObject({ code: Code.NotFound });
    }
    expect(await everythingOf(plane.database, orgId)).toBe(before);
  });
});
