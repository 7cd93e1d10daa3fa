export {
  dataKeyGeneration,
  dataKeyTable,
  installation,
  sealedColumn,
  type DataKeyTable,
  type SealedColumn,
} from './data-key.ts';
export { Envelope, type SealedPlace } from './envelope.ts';
export {
  addFileKey,
  EnvelopeError,
  fileKeys,
  newestId,
  type KeyEncryptionKey,
  type KeyEncryptionKeys,
} from './key-encryption-key.ts';
export { demandKeys, keysInUse, renewAll, reseal, rewrap } from './rotation.ts';
