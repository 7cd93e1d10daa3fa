export { canonicalAad, type SealedFor } from './aad.ts';
export {
  isCommandSigned,
  mayReplaceKeys,
  signCommand,
  signCommandKeys,
  type CommandKeys,
  type CommandTerms,
} from './command.ts';
export {
  enrolmentWords,
  holderFingerprint,
  recoveryBytes,
  type AgentKeys,
  type RecoveryStatement,
} from './agent-identity.ts';
export { open, seal, SealedValueError, type OpenInput, type SealInput } from './hpke.ts';
export { fingerprintWords, generateSealingKey, keyId, type SealingKeyPair } from './key.ts';
export { keyLogBytes, type KeyLogEntry } from './key-log.entry.ts';
export { isSigned, keyLogHash, keyLogProblem } from './key-log.ts';
export { openOutput, sealOutput, type OutputFor, type OutputKeys } from './output.ts';
export { parseRecipient, parseRecipientKey, recipientKeyText, recipientText } from './recipient.ts';
