export { AllowEntryError } from './address.ts';
export { OutgoingClient, type OutgoingAnswer, type OutgoingClientOptions, type OutgoingOptions } from './client.ts';
export { OutgoingFailedError, OutgoingRefusedError } from './error.ts';
export { fetchOver } from './fetch.ts';
