export { canonicalAad, type SealedFor } from './aad.ts';
export { open, seal, SealedValueError, type OpenInput, type SealInput } from './hpke.ts';
export { fingerprintWords, generateSealingKey, keyId, type SealingKeyPair } from './key.ts';
