import { describe, expect, it } from 'vitest';
import { cloudInitAddress, neighbourOf } from './fallback.ts';

const table = `IP address       HW type     Flags       HW address            Mask     Device
10.0.0.1         0x1         0x2         bc:24:11:00:00:01     *        eth0
10.0.0.2         0x1         0x0         bc:24:11:00:00:02     *        eth0
10.0.0.3         0x1         0x6         BC:24:11:00:00:03     *        eth0
not-an-address   0x1         0x2         bc:24:11:00:00:04     *        eth0
`;

describe('a neighbour', () => {
  it.each([
    ['that answered', 'bc:24:11:00:00:01', '10.0.0.1'],
    ['that never did', 'bc:24:11:00:00:02', undefined],
    ['that is kept for good', 'bc:24:11:00:00:03', '10.0.0.3'],
    ['with nonsense for an address', 'bc:24:11:00:00:04', undefined],
    ['that is not there', 'bc:24:11:00:00:05', undefined],
  ])('%s', (_, mac, address) => {
    expect(neighbourOf(table, mac)).toBe(address);
  });

  it('is not found in an empty table', () => {
    expect(neighbourOf('', '')).toBeUndefined();
  });
});

describe('the address of a cloud-init configuration', () => {
  it.each([
    ['ip=10.0.0.5/24,gw=10.0.0.1', '10.0.0.5'],
    ['gw=10.0.0.1,ip=10.0.0.5/24', '10.0.0.5'],
    ['ip=dhcp', undefined],
    ['ip=dhcp,ip6=fd00::5/64', 'fd00::5'],
    ['ip6=auto', undefined],
    ['', undefined],
  ])('%s', (ipconfig, address) => {
    expect(cloudInitAddress(ipconfig)).toBe(address);
  });
});
