/** Whose a VM is, as its description says. */
export interface Mark {
  readonly orgId: string;
  readonly serverId: string;
  readonly commandId: string;
}

const shape = /(?:^|\s)truffle:(org_[0-9a-z]+)\/(srv_[0-9a-z]+)\/(cmd_[0-9a-z]+)(?:\s|$)/;

/** The line that a VM's description carries from its first moment. */
export function markText(mark: Mark): string {
  return `truffle:${mark.orgId}/${mark.serverId}/${mark.commandId}`;
}

/** The mark in a description; undefined when there is none. */
export function readMark(description: string): Mark | undefined {
  const found = shape.exec(description);
  if (found === null) return undefined;
  const [, orgId = '', serverId = '', commandId = ''] = found;
  return { orgId, serverId, commandId };
}

/** Whether nobody wrote a description: none is there, or the one that the hypervisor writes while it makes a clone. */
export function isUndescribed(options: Readonly<Record<string, string>>): boolean {
  return ['', 'qmclone temporary file'].includes((options['description'] ?? '').trim());
}

/** The UUID of `smbios1`, lower case; empty when there is none. */
export function smbiosUuid(smbios1: string): string {
  return /(?:^|,)uuid=([0-9a-fA-F-]{36})(?:,|$)/.exec(smbios1)?.[1]?.toLowerCase() ?? '';
}

/** Whether the VM is this server's, by its mark or by the UUID that only our own config step sets. */
export function isOurs(
  options: Readonly<Record<string, string>>,
  server: { orgId: string; serverId: string; smbiosUuid: string },
): boolean {
  const mark = readMark(options['description'] ?? '');
  if (mark !== undefined) return mark.serverId === server.serverId && mark.orgId === server.orgId;
  return (
    smbiosUuid(options['smbios1'] ?? '') === server.smbiosUuid.toLowerCase() &&
    hasTag(options['tags'] ?? '', server.serverId)
  );
}

/** Whether the tag is among them. */
export function hasTag(tags: string, tag: string): boolean {
  return tags.split(/[;, ]+/).includes(tag);
}
