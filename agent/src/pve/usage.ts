import type { GuestUsage } from '../metric/sampler.ts';
import { numberOf, type Row } from './json.ts';

/** What a guest uses, as a row of the list of all guests says. */
export const usageOf = (row: Row): GuestUsage => ({
  vmid: numberOf(row, 'vmid'),
  cpuShare: numberOf(row, 'cpu'),
  memoryBytes: numberOf(row, 'mem'),
  diskReadBytes: numberOf(row, 'diskread'),
  diskWrittenBytes: numberOf(row, 'diskwrite'),
  networkReceivedBytes: numberOf(row, 'netin'),
  networkSentBytes: numberOf(row, 'netout'),
});
