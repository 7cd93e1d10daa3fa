export { canonicalJson } from './canonical.ts';
export { checkpointKeyId, isCheckpointSigned, signCheckpoint, type Checkpoint } from './checkpoint.ts';
export { ExportLineError, readCheckpoint, type ExportLine } from './line.ts';
export { personOf, type PersonalData } from './person.ts';
export { chainHash, chainStart, recordFields, type AuditRecord } from './record.ts';
export { verifyExport, type Fault, type Verdict } from './verify.ts';
