export { idKinds, type IdKind, type Id, newId, deriveId, isId, idKind, uuidOf, smbiosUuidOf } from './id.ts';
