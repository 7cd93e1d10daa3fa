/** A fault put into the protocol's code on purpose. */
export interface Mutant {
  readonly file: string;
  /** Occurs once in the file. */
  readonly text: string;
  readonly becomes: string;
}

const of =
  (file: string) =>
  (text: string, becomes: string): Mutant => ({ file, text, becomes });

const agentSession = of('agent/src/link/session.ts');
const runner = of('agent/src/command/runner.ts');
const intake = of('agent/src/command/intake.ts');
const journal = of('agent/src/journal/journal.ts');
const advance = of('services/agent-gateway/src/command/advance.ts');
const admission = of('services/agent-gateway/src/session/admission.ts');
const session = of('services/agent-gateway/src/session/session.ts');
const linkSession = of('services/agent-gateway/src/session/link-session.ts');
const certificates = of('services/agent-gateway/src/agent/certificate.ts');
const holder = of('services/agent-gateway/src/agent/holder.ts');
const keeper = of('agent/src/identity/keeper.ts');
const keyLog = of('agent/src/identity/key-log.ts');
const sealingKeys = of('agent/src/identity/sealing-keys.ts');

/** Each must be caught by a test. */
export const mutants: readonly Mutant[] = [
  agentSession("      { do: 'store', epoch, continuity, endpoints },\n", ''),
  agentSession('deadAt: moment.now + live.heartbeatMs * beatsMissed }', 'deadAt: live.deadAt }'),
  agentSession("if (given.case === 'heartbeat')\n", "if (given.case === 'heartbeat' && stream < 0)\n"),
  agentSession('(retryAfter ?? random() * ceiling)', '(retryAfter ?? ceiling)'),
  agentSession("cap: input.refused ? refusedCapMs : backoffCapMs, why: ''", "cap: backoffCapMs, why: ''"),
  agentSession(
    'if (live?.stream !== stream) return [session, []];\n  const heard',
    'if (live === undefined) return [session, []];\n  const heard',
  ),
  runner('if (entry.fence < (journal.fence(entry.resourceKey) ?? 0))', 'if (entry.fence < 0)'),
  runner('if (entry !== undefined && busy.has(entry.resourceKey)) continue;', ''),
  runner('if (!terminal || ', 'if ('),
  runner("if (entry.state === 'running') this.#waiting.add(entry.id);", ''),
  intake('fence < facts.fence)', 'fence < 0)'),
  intake('if (handler.needsPermit && !command.needsPermit)', 'if (handler.needsPermit && command.id === "")'),
  intake('return sha256.equals(facts.known.payloadSha256)', "return command.id !== ''"),
  intake('if (!sha256.equals(command.payloadSha256))', "if (command.id === '')"),
  intake('if (facts.held >= journalLimit)', 'if (facts.held > 1e9)'),
  journal("result = ? WHERE id = ? AND state <> 'ended'", 'result = ? WHERE id = ?'),
  journal('SET max = max(max, excluded.max)', 'SET max = excluded.max'),
  journal("      this.#db.exec('PRAGMA synchronous = FULL');\n    });\n  }\n\n  entry", '    });\n  }\n\n  entry'),
  journal('if (known !== undefined) return known;\n    const text', 'const text'),
  journal("UPDATE meta SET epoch = ?, continuity = ?', epoch, continuity", "UPDATE meta SET epoch = ?', epoch"),
  journal("entry.needsPermit ? 'accepted' : 'running'", "'running'"),
  journal('"DELETE FROM inbox WHERE id = ? AND state = \'ended\'"', "'DELETE FROM inbox WHERE id = ?'"),
  journal('if (this.#reserve?.take() === false) return false;\n', ''),
  journal('this.#reserve?.release();', ''),
  of('agent/src/journal/verify.ts')('if (metas !== 1)', 'if (metas > 1)'),
  of('agent/src/journal/declared.ts')('WHERE f.max = d.fence', 'WHERE 1'),
  of('agent/src/keep/keeping.ts')('if (starts.length >= pace.startsPerServer)', 'if (starts.length > 1e9)'),
  of('agent/src/keep/keeper.ts')('if (connected()) {', 'if (this.#over) {'),
  of('agent/src/keep/remedying.ts')('if (kept.tries >= remedyPace.triesInARow)', 'if (kept.tries >= 1e9)'),
  of('agent/src/keep/health-keeper.ts')('hold: hold || objection || common', 'hold: hold || common'),
  of('agent/src/keep/health-keeper.ts')('if (release === undefined) return;', ''),
  runner('run.resourceKey), ...this.#claimed]', 'run.resourceKey)]'),
  advance('at.now >= command.startBy || !at.mayBegin) return still', '!at.mayBegin) return still'),
  advance('if (command.cancelRequested || at.now', 'if (at.now'),
  advance('  if (at.resourceBusy) return still(command);\n', ''),
  advance(
    "if (command.state === 'RUNNING') return permitAgain(command, at);\n      return isTerminal",
    'return isTerminal',
  ),
  advance(
    " || command.incarnation !== at.incarnation) return still(command);\n  return tell(command, { kind: 'permit'",
    ") return still(command);\n  return tell(command, { kind: 'permit'",
  ),
  advance('  if (isTerminal(command.state)) {\n    const known', "  if (command.id === '') {\n    const known"),
  advance(
    "return still({ ...command, state: 'UNKNOWN', runUntil: null });\n}",
    "return still({ ...command, state: 'QUEUED', permitNo: 0, incarnation: null, startedAt: null, runUntil: null });\n}",
  ),
  advance("return tell(command, { kind: 'send' }, ...again);", 'return still(command);'),
  advance('permitAgain(command, { ...at, mayBegin: true }).words', 'permitAgain(command, at).words'),
  advance(
    "command.state === 'DISPATCHED' ? { command: { ...command, state: 'QUEUED' }, words: [] } : still(command)",
    'still(command)',
  ),
  admission('if (claim.journalLsn < known.journalLsn)', 'if (claim.journalLsn < 0n)'),
  admission(
    'wasOffered(known.continuityNext, claim.continuity)',
    'claim.continuity === known.continuityNext?.slice(-64)',
  ),
  admission('if (!good)', "if (!good && claim.continuity === '')"),
  admission('if (!known.certificateSerials.includes(claim.certificateSerial))', "if (claim.certificateSerial === '')"),
  session("state.phase !== 'offered' || Number(frame.value.epoch) !== state.epoch", "state.phase !== 'offered'"),
  session('heard({ ...state, heardAt: now }, ', 'heard(state, '),
  session(
    "return beat({ ...state, phase: 'doubted', since: now, doubt: input.doubt }, now);",
    "return { state: { ...state, since: now }, effects: [{ kind: 'quarantine', doubt: input.doubt }] };",
  ),
  session(
    "if (state.phase !== 'online' && state.phase !== 'confirming') return",
    "if (state.phase === 'hello') return",
  ),
  linkSession("if (!this.#window.has(id)) this.#step(id, { kind: 'sessionLost' });", ''),
  linkSession(
    'if (this.#online && this.#ref !== undefined) this.#background(this.#parts.store.resume(this.#ref));',
    '',
  ),
  linkSession(
    "if (at === 'waiting') this.#step(id, { kind: 'permit' });",
    "if (at === 'sent') this.#step(id, { kind: 'permit' });",
  ),
  of('services/agent-gateway/src/session/session-tick.ts')(
    'certificateEnds.getTime() > wall)',
    'certificateEnds.getTime() > 0)',
  ),
  certificates(
    'serial !== agent.certificate_serial && serial !== agent.next_serial',
    'serial !== agent.certificate_serial',
  ),
  certificates("if (holder.kind === 'denied') return 'refuse';", "if (holder.kind === 'denied') return 'issue';"),
  certificates('>= at.perMonth', '>= 1e9'),
  holder('holders.some((each) => !each.recorded && ', 'holders.some((each) => each.recorded && !each.recorded && '),
  holder('.filter((each) => !kept.includes(each))', ".filter((each) => each === '')"),
  of('agent/src/identity/quarantine.ts')('    this.#deps.hold();\n', ''),
  of('agent/src/identity/schedule.ts')('const renewAt = 2 / 3;', 'const renewAt = 2;'),
  keeper('      this.#next.store(identity, await this.#deps.renew(fresh, this.#next.request(identity)));\n', ''),
  keeper('this.#next.credentials(identity)?.certificate !== fresh.certificate', 'false'),
  keeper(" && (due.kind === 'renew' || this.#ended)", ''),
  keeper('    this.#ended = true;\n', ''),
  keyLog('if (this.#busy !== undefined) return;\n    this.#busy', 'this.#busy'),
  keyLog('same(newest.identityPublicKey, identityKey) &&', ''),
  sealingKeys('former: [...former, { ...current, givenUpAt: now }]', 'former'),
];
