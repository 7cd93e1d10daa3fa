/** A Proxmox VE site in one process: the real API over HTTPS, guests behind a bastion. */
export { ManualClock, systemClock, type Clock } from './clock.ts';
export type { Fault, FaultAction, FaultMatch } from './faults/faults.ts';
export type { SimulatorOptions } from './options.ts';
export { type Simulator, type SimulatorInfo, startSimulator } from './simulator.ts';
