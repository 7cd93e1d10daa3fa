export { createTruffleClient, type TruffleClient } from './client.ts';
