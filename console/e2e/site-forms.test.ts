import { createHash } from 'node:crypto';
import { AgentState } from '@truffle/api/agent/v1/agent';
import { ImportState } from '@truffle/api/orchestration/v1/image_service';
import { Role } from '@truffle/api/tenant/v1/account';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { joinSite, siteMachine, type SiteMachine } from './agent.fixture.ts';
import { describeInBrowser, openBrowser, visit, type Visitor } from './browser.fixture.ts';
import { newPerson, signIn, type Person } from './people.fixture.ts';
import { sharedStack, type Stack } from './stack.fixture.ts';
import { newCluster, succeeded } from './world.fixture.ts';

/** Longer than the machine needs while other tests are at work on it. */
const patientMs = 60_000;

describeInBrowser('a site’s page', () => {
  let stack: Stack;
  let browser: Browser;
  let machine: SiteMachine;
  let owner: Person;
  let agentId = '';
  let visitor: Visitor;

  beforeAll(async () => {
    [stack, browser, machine] = await Promise.all([
      sharedStack(),
      openBrowser(),
      siteMachine('importStorage: shared\n'),
    ]);
    owner = await newPerson(stack, 'keeper');
    agentId = await joinSite(machine, stack.url, owner);
    visitor = await visit(browser, stack.url);
    visitor.page.setDefaultTimeout(patientMs);
    await signIn(visitor.page, owner);
  });

  afterAll(async () => {
    await browser?.close();
    await machine?.close();
  });

  const open = (page: Page, tab = 'inventory'): Promise<unknown> =>
    page.goto(`/o/${owner.org}/sites/${agentId}?tab=${tab}`);
  const collect = async () => (await owner.api.orphans.collectOrphans({ agentId })).orphans;

  test('looks for orphans, and removes one that was found once the site’s name is typed', async () => {
    const { page } = visitor;
    const { vmid, backup } = await restored();
    await open(page, 'orphans');
    const look = page.getByRole('button', { name: 'Look for orphans' });
    await look.click();
    const row = page.getByRole('row', { name: String(vmid) });
    await row.getByText('Found').waitFor();
    await row.getByText('gone-vm-0').waitFor();
    expect(await collect()).toMatchObject([{ vmid, serverName: 'gone-vm-0' }]);

    await page.getByRole('button', { name: 'Remove them' }).click();
    const dialog = page.getByRole('alertdialog', { name: 'Remove one VM?' });
    const sure = dialog.getByRole('button', { name: 'Remove them' });
    expect(await sure.isDisabled()).toBe(true);
    await dialog.getByLabel('Type cellar to confirm').fill('cellar');
    await sure.click();
    await row.getByText('Removed').waitFor();
    expect(machine.cluster.vms.has(vmid)).toBe(false);
    // What is somebody else's stands there still.
    expect(machine.cluster.vms.has(backup)).toBe(true);
    expect(await collect()).toEqual([]);
    expect(await page.getByRole('button', { name: 'Remove them' }).count()).toBe(0);
    await look.click();
    await page.getByText('There are none').waitFor();
    visitor.expectNoFaults();
  }, 180_000);

  test('imports an image, shows how that goes, and says what to do about what is refused', async () => {
    const { page } = visitor;
    const url = 'https://images.example.com/debian-13.qcow2';
    const sha256 = createHash('sha256').update(url).digest('hex');
    const imported = async (image: string) => (await owner.api.images.getImageImport({ agentId, image })).import;
    await open(page);
    const dialog = page.getByRole('dialog', { name: 'Import an image' });
    const fill = async (fields: Readonly<Record<string, string>>): Promise<void> => {
      for (const [label, value] of Object.entries(fields)) await dialog.getByLabel(label).fill(value);
      await dialog.getByRole('button', { name: 'Import', exact: true }).click();
    };
    await page.getByRole('button', { name: 'Import an image' }).click();
    await fill({ Name: 'debian-13', 'Where the hypervisor': 'http://10.0.0.5/debian.qcow2', 'SHA-256': sha256 });
    const refused = dialog.getByRole('alert');
    await refused.getByText('not a public').first().waitFor();
    await expect(imported('debian-13')).rejects.toThrow();

    // The fields are as they were, so that only what was wrong is typed again.
    expect(await dialog.getByLabel('Name').inputValue()).toBe('debian-13');
    await fill({ 'Where the hypervisor': url });
    const progress = page.getByRole('status').filter({ hasText: 'debian-13' });
    await progress.getByText('Imported').waitFor();
    expect(await imported('debian-13')).toMatchObject({ state: ImportState.SUCCEEDED, node: 'pve1' });

    // A name stands for one content.
    await page.getByRole('button', { name: 'Import an image' }).click();
    await fill({ Name: 'debian-13', 'Where the hypervisor': url, 'SHA-256': 'a'.repeat(64) });
    await refused.getByText('choose another name, e.g. debian-13-2').waitFor();
    await fill({ Name: 'debian-13-2' });
    const failed = page.getByRole('status').filter({ hasText: 'debian-13-2' });
    await failed.getByText('Failed', { exact: true }).waitFor();
    await failed.getByText('What to do').waitFor();
    expect((await imported('debian-13-2'))?.state).toBe(ImportState.FAILED);
    visitor.expectNoFaults();
  }, 180_000);

  test('says to who may only look why nothing can be pressed there', async () => {
    const viewer = await newPerson(stack, 'viewer');
    await owner.api.members.setBinding({ scopeId: owner.orgId, email: viewer.email, role: Role.VIEWER });
    const looking = await visit(browser, stack.url);
    const { page } = looking;
    await signIn(page, viewer);
    for (const [tab, name] of [
      ['inventory', 'Import an image'],
      ['orphans', 'Look for orphans'],
    ] as const) {
      await open(page, tab);
      await expect.poll(() => page.getByRole('button', { name }).getAttribute('aria-disabled')).toBe('true');
    }
    looking.expectNoFaults();
    await looking.close();
  }, 90_000);

  test('says what to do when the agent is away', async () => {
    const { page } = visitor;
    await open(page, 'orphans');
    const look = page.getByRole('button', { name: 'Look for orphans' });
    await look.waitFor();
    await machine.stop();
    const state = async () => (await owner.api.agents.getAgent({ agentId })).agent?.state;
    await expect.poll(state, { timeout: patientMs }).not.toBe(AgentState.ONLINE);
    await look.click();
    await page.getByRole('alert').getByText('start it on its site, then look again').waitFor();
    visitor.expectNoFaults();
  }, 120_000);

  /** A deleted server's VM is there again, out of a backup, and beside it one of somebody else in the site's range. */
  async function restored(): Promise<{ readonly vmid: number; readonly backup: number }> {
    const { api, orgId, projectId } = owner;
    const { clusterId } = await newCluster({ api, orgId, projectId, agentId }, 'gone', 'vm');
    const vmid = (await api.servers.listServers({ clusterId })).servers[0]?.vmid ?? 0;
    const { vms, pools } = machine.cluster;
    const whole = structuredClone(vms.get(vmid));
    await succeeded(api, (await api.clusters.deleteCluster({ clusterId })).operation?.id ?? '');
    expect(await collect()).toEqual([]);
    if (whole === undefined) throw new Error('the VM was not there');
    delete whole.running;
    // Without its disks.
    const config = Object.fromEntries(Object.entries(whole.config).filter(([key]) => !/^(scsi|ide)\d/.test(key)));
    const backup = 29_999;
    vms.set(vmid, { ...whole, config });
    vms.set(backup, { ...structuredClone(whole), vmid: backup, config: { name: 'theirs' } });
    for (const each of [vmid, backup]) pools.get('truffle')?.vms.add(each);
    return { vmid, backup };
  }
});
