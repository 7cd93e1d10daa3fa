/** Where an agent stands. QUARANTINED: its identity is in conflict; it keeps its stream's answer but gets no work. */
export type AgentStanding = 'ENROLLED' | 'ONLINE' | 'OFFLINE' | 'QUARANTINED' | 'REVOKED';
