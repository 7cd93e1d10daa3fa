import { writeFileSync } from 'node:fs';
import { AddressSource } from '@truffle/api/agent/v1/command';
import { describe, expect, it } from 'vitest';
import { commandId, ensureServer, type Fixture, grant, openFixture } from './site.fixture.ts';

const wait = 'waits: { addressSeconds: 1 }\n';
const lan = 'networks: { lan: { bridge: lan0 } }\n';

const addressOf = ({ simulator }: Fixture, vmid = 20001) => simulator.cluster.guests.get(vmid)?.address;

/** A site whose guests have no agent. @param leased on a virtual network with leases in the IPAM, where the token may see them */
async function openSilent({ leased, audit = true }: { leased: boolean; audit?: boolean }): Promise<Fixture> {
  const fixture = await openFixture({}, leased ? wait + lan : wait);
  const { simulator } = fixture;
  simulator.faults.add({ times: null, action: { kind: 'agent-absent' } });
  if (!leased) return fixture;
  simulator.addVnet('lan0', { zone: 'lan', subnet: 'lan-10.64.0.0-10' });
  grant(simulator, '/sdn/zones/lan/lan0', audit ? ['SDN.Use', 'SDN.Audit'] : ['SDN.Use']);
  return fixture;
}

/** The agent's host has heard of the guests, once they are up. */
async function hearNeighbours(fixture: Fixture): Promise<void> {
  await expect.poll(() => addressOf(fixture), { timeout: 5_000 }).toBeDefined();
  writeFileSync(fixture.neighbourFile, fixture.simulator.neighbours());
}

/** Point 13 of the list of what goes wrong with Proxmox VE: where an address comes from when no guest agent tells it. */
describe('point 13: without a guest agent', () => {
  it('the static address of the VM’s own cloud-init configuration is taken first', async () => {
    await using fixture = await openSilent({ leased: false });
    const template = fixture.simulator.cluster.vms.get(9000);
    if (template !== undefined) template.config['ipconfig0'] = 'ip=10.77.0.50/16,gw=10.77.0.1';
    writeFileSync(fixture.neighbourFile, fixture.simulator.neighbours());
    const { end, failure, progress } = await fixture.run(commandId(), ensureServer('web', 20001, { networks: [] }));
    expect(failure).toBeUndefined();
    const value = { address: '10.77.0.50', addressSource: AddressSource.CLOUD_INIT };
    expect(end.output?.output).toMatchObject({ value });
    expect(progress.join()).toContain('by its cloud-init configuration');
    const twin = await fixture.run(commandId(), ensureServer('twin', 20002, { networks: [] }));
    expect(twin.failure?.reason).toBe('GUEST_DUPLICATE_ADDRESS');
  });

  it('then the lease that the IPAM gave to net0’s MAC, with what to install', async () => {
    await using fixture = await openSilent({ leased: true });
    const { end, failure, said } = await fixture.run(commandId(), ensureServer('web', 20001));
    expect(failure).toBeUndefined();
    const value = { address: addressOf(fixture), addressSource: AddressSource.LEASE };
    expect(end.output?.output).toMatchObject({ value });
    expect(said).toContain('apt-get install qemu-guest-agent');
  });

  it('then the neighbour of the agent’s host with that MAC, where no lease is known', async () => {
    await using fixture = await openSilent({ leased: true });
    fixture.simulator.faults.add({ times: null, action: { kind: 'lease-unknown' } });
    const running = fixture.run(commandId(), ensureServer('web', 20001));
    await hearNeighbours(fixture);
    const { end, failure } = await running;
    expect(failure).toBeUndefined();
    const value = { address: addressOf(fixture), addressSource: AddressSource.NEIGHBOUR };
    expect(end.output?.output).toMatchObject({ value });
  });

  it('and where the token may not see leases, or the IPAM does not answer', async () => {
    await using fixture = await openSilent({ leased: true, audit: false });
    const running = fixture.run(commandId(), ensureServer('web', 20001));
    await hearNeighbours(fixture);
    expect((await running).end.output?.output).toMatchObject({ value: { addressSource: AddressSource.NEIGHBOUR } });
    const path = '/cluster/sdn/.*';
    fixture.simulator.faults.add({ path, times: null, action: { kind: 'error', status: 500, reason: 'no sdn' } });
    const second = fixture.run(commandId(), ensureServer('web-2', 20002));
    await expect.poll(() => addressOf(fixture, 20002), { timeout: 5_000 }).toBeDefined();
    writeFileSync(fixture.neighbourFile, fixture.simulator.neighbours());
    expect((await second).end.output?.output).toMatchObject({ value: { addressSource: AddressSource.NEIGHBOUR } });
  });

  it('a neighbour that never answered is no address, and the failure says who was asked and what to install', async () => {
    await using fixture = await openSilent({ leased: true });
    fixture.simulator.faults.add({ times: null, action: { kind: 'lease-unknown' } });
    fixture.simulator.faults.add({ times: null, action: { kind: 'neighbour-silent' } });
    const running = fixture.run(commandId(), ensureServer('web', 20001));
    await hearNeighbours(fixture);
    const { failure } = await running;
    expect(failure?.reason).toBe('GUEST_AGENT_ABSENT');
    expect(failure?.message).toMatch(/ipconfig0: ip=dhcp.*no lease of .*no neighbour/);
    expect(failure?.remedy).toContain('apt-get install qemu-guest-agent');
  });

  it('but one that answers is believed, whatever the others know', async () => {
    await using fixture = await openSilent({ leased: true });
    fixture.simulator.faults.clear();
    const { end } = await fixture.run(commandId(), ensureServer('web', 20001));
    expect(end.output?.output).toMatchObject({ value: { addressSource: AddressSource.GUEST_AGENT } });
  });
});
