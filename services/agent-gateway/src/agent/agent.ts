/**
 * Where an agent stands. QUARANTINED: its identity is in conflict; it keeps its stream's answer but gets no work. PENDING_APPROVAL: it
 * has a certificate, but no session until a person has compared its words.
 */
export type AgentStanding = 'ENROLLED' | 'ONLINE' | 'OFFLINE' | 'QUARANTINED' | 'REVOKED' | 'PENDING_APPROVAL';
