export { createTruffleClient, publicServices, type TruffleClient } from './client.ts';
