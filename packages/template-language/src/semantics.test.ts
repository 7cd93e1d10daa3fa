import { describe, expect, it } from "vitest";
import { placeOf, sampleSource, sampleWith } from "./fixture.ts";
import { loadTemplate, parseTemplateHere } from "./parse.ts";
import type { Problem } from "./problem.ts";

function problemsOf(source: string): readonly Problem[] {
  const result = parseTemplateHere(source);
  return result.ok ? [] : result.problems;
}

/** [what, the piece replaced, by what, code, path, the text that the problem must point at, a word of what was expected or said] */
type Case = readonly [string, string, string, string, string, string, RegExp];

const structure: readonly Case[] = [
  ["an unknown key", "count: 1,", "count: 1, cuont: 1,", "UNKNOWN_KEY", "servers.primary.cuont", "cuont", /did you mean count\?/],
  ["an unknown top-level key", "outputs:\n", "autputs: {}\noutputs:\n", "UNKNOWN_KEY", "autputs", "autputs", /did you mean outputs\?/],
  ["a missing key", ", title: PostgreSQL HA", "", "MISSING_KEY", "metadata.title", "metadata:", /name people read/],
  ["a text for a number", "cpu: 2, memory", "cpu: two, memory", "INVALID_VALUE", "servers.primary.cpu", "two", /from 1 to 256/],
  ["a list for a mapping", "metadata: { name: postgres-ha, version: 1.4.0, title: PostgreSQL HA, summary: A database. }", "metadata: []", "WRONG_TYPE", "metadata", "[]", /object/],
  ["a number for a quantity", "memory: 4GiB, disk", "memory: 4, disk", "WRONG_TYPE", "servers.primary.memory", "4, disk", /4GiB/],
  ["too little memory", "memory: 4GiB, disk", "memory: 1MiB, disk", "INVALID_VALUE", "servers.primary.memory", "1MiB", /at least 64MiB/],
  ["an empty value", "count: 1,", "count: ,", "WRONG_TYPE", "servers.primary.count", ", image", /from 0 to 500/],
  ["an octal mode without quotes", "path: /etc/db.conf", "path: /etc/db.conf\n        mode: 0644", "WRONG_TYPE", "deployments.database.files[0].mode", "0644", /in quotes/],
  ["another version of the language", "truffle.dev/v1", "truffle.dev/v9", "INVALID_VALUE", "apiVersion", "truffle.dev/v9", /truffle.dev\/v1/],
  ["no semantic version", "version: 1.4.0", "version: 1.4.x", "INVALID_VALUE", "metadata.version", "1.4.x", /semantic version/],
  ["a name with shell characters", "name: postgres-ha", 'name: "a;reboot"', "INVALID_VALUE", "metadata.name", '"a;reboot"', /DNS label/],
  ["a role with shell characters", "  primary: {", '  "$(reboot)": {', "INVALID_NAME", "servers.$(reboot)", '"$(reboot)"', /lower-case/],
  ["a step with shell characters", "name: install", 'name: "a`b`"', "INVALID_VALUE", "deployments.database.steps[0].name", '"a`b`"', /lower-case/],
  ["a relative path", "/etc/db.conf", "etc/db.conf", "INVALID_VALUE", "deployments.database.files[0].path", "etc/db.conf", /absolute path/],
  ["a path that climbs", "/etc/db.conf", "/etc/../root/x", "INVALID_VALUE", "deployments.database.files[0].path", "/etc/../root/x", /absolute path/],
  ["an environment variable of lower case", "env: { PRIMARY:", "env: { primary:", "INVALID_NAME", "deployments.database.steps[1].env.primary", "primary: \"$", /capital/],
  ["two kinds of health", "{ tcp: 5432,", "{ tcp: 5432, exec: x,", "INVALID_VALUE", "deployments.database.health", "health:", /exactly one of/],
  ["no duration", "timeout: 90s", "timeout: 90", "WRONG_TYPE", "deployments.database.steps[2].timeout", "90,", /duration/],
];

const references: readonly Case[] = [
  ["an unknown role", "on: [primary, replica]", "on: [primary, repilca]", "UNKNOWN_REFERENCE", "deployments.database.on[1]", "repilca", /did you mean replica\?/],
  ["an order of other roles", "order: [primary, replica]", "order: [primary, other]", "UNKNOWN_REFERENCE", "deployments.database.rollout.order[1]", "other", /one of primary, replica/],
  ["a notification of nothing", "notify: restart", "notify: restrat", "UNKNOWN_REFERENCE", "deployments.database.files[0].notify", "restrat", /did you mean restart\?/],
  ["a step twice", "name: join", "name: install", "DUPLICATE_NAME", "deployments.database.steps[1].name", "install\n        when", /once/],
  ["a default out of bounds", "default: 2", "default: 9", "INVALID_VALUE", "parameters.replicas.default", "9 }", /at most 5/],
  ["a default of another type", "default: 2", 'default: "2"', "INVALID_VALUE", "parameters.replicas.default", '"2"', /type integer/],
  ["a default that does not match", "default: app", "default: APP", "INVALID_VALUE", "parameters.database.default", "APP", /\^\[a-z\]\+\$/],
  ["bounds that cross", "minimum: 1, maximum: 5", "minimum: 6, maximum: 5", "INVALID_VALUE", "parameters.replicas.minimum", "6,", /at most 5/],
  ["a bound of another type", "type: string, pattern", "type: string, minimum: 1, pattern", "INVALID_VALUE", "parameters.database.minimum", "1, pattern", /type string/],
  ["a pattern with look-ahead", "^[a-z]+$", "^(?=a)b$", "INVALID_VALUE", "parameters.database.pattern", '"^(?=a)b$"', /RE2/],
  ["a secret with a default", "secret: true, generate", "secret: true, default: hunter2hunter2, generate", "SECRET_EXPOSED", "parameters.password.default", "hunter2", /generate/],
  ["a scale that crosses", "min: 1, max: 5", "min: 6, max: 5", "INVALID_VALUE", "servers.replica.scale.min", "6, max", /at most 5/],
  ["deployments in a circle", "on: [primary, replica]", "on: [primary, replica]\n    after: [database]", "CYCLE", "deployments.database.after", "[database]", /circles/],
  ["a keyword as a parameter", "  database: { type", "  in: { type: string, default: x }\n  database: { type", "INVALID_NAME", "parameters.in", "{ type: string, default: x }", /another name/],
];

const expressions: readonly Case[] = [
  ["an unknown parameter", "${{ params.replicas }}", "${{ params.replica }}", "UNKNOWN_REFERENCE", "servers.replica.count", "replica }}", /did you mean params.replicas\?/],
  ["an unknown name", "${{ params.replicas }}", "${{ parms.replicas }}", "UNKNOWN_REFERENCE", "servers.replica.count", "parms", /did you mean params\?/],
  ["a role that is not declared", "${{ servers.primary[0].address }}:5432", "${{ servers.primry[0].address }}:5432", "UNKNOWN_REFERENCE", "outputs.url", "primry", /did you mean servers.primary\?/],
  ["a field that servers do not have", "servers.primary[0].address }}:5432", "servers.primary[0].adress }}:5432", "UNKNOWN_REFERENCE", "outputs.url", "adress", /server.address/],
  ["servers where there are none yet", "${{ params.replicas }}", "${{ size(servers.primary) }}", "UNKNOWN_REFERENCE", "servers.replica.count", "servers.primary)", /params/],
  ["an unknown function", "${{ params.replicas }}", "${{ sizee(params.database) }}", "UNKNOWN_REFERENCE", "servers.replica.count", "sizee", /did you mean size\?/],
  ["a text as count", "${{ params.replicas }}", "${{ params.database }}", "EXPRESSION_TYPE", "servers.replica.count", "params.database }}\n", /int/],
  ["a mixture as count", "${{ params.replicas }}", "1${{ params.replicas }}", "INVALID_VALUE", "servers.replica.count", "1${{", /expression/],
  ["a number as condition", "${{ server.role == 'replica' }}", "${{ server.index }}", "EXPRESSION_TYPE", "deployments.database.steps[1].when", "server.index", /bool/],
  ["an int and a text", "server.role == 'replica'", "server.index == 'replica'", "EXPRESSION_TYPE", "deployments.database.steps[1].when", "== 'replica'", /int/],
  ["a text plus a number", "${{ params.database }}\n", "${{ params.database + 1 }}\n", "EXPRESSION_TYPE", "deployments.database.files[0].content", "+ 1", /int and int/],
  ["what cannot be read", "${{ params.replicas }}", "${{ params. }}", "EXPRESSION_SYNTAX", "servers.replica.count", ". }}\n    image", /CEL/],
  ["nothing", "${{ params.database }}\n", "${{ }}\n", "EXPRESSION_SYNTAX", "deployments.database.files[0].content", " }}\n          password", /such as/],
  ["an expression without end", "${{ params.database }}\n", "${{ params.database }\n", "EXPRESSION_SYNTAX", "deployments.database.files[0].content", "${{ params.database }\n", /end/],
  ["an expression in a script", 'run: join "$PRIMARY"', "run: join ${{ server.address }}", "EXPRESSION_NOT_ALLOWED", "deployments.database.steps[1].run", "${{ server.address }}", /env/],
  ["a secret in a count", "${{ params.replicas }}", "${{ size(params.password) }}", "SECRET_EXPOSED", "servers.replica.count", "password) }}", /sensitive/],
  ["a secret in a condition", "server.role == 'replica'", "params.password == 'replica'", "SECRET_EXPOSED", "deployments.database.steps[1].when", "password == ", /sensitive/],
  ["a secret by index", "server.role == 'replica'", "params['password'] == 'replica'", "SECRET_EXPOSED", "deployments.database.steps[1].when", "['password']", /sensitive/],
  ["a secret by a computed name", "server.role == 'replica'", "params['pass' + 'word'] == 'x'", "EXPRESSION_TYPE", "deployments.database.steps[1].when", " + 'word'", /written out/],
  ["a secret in an output", "${{ params.database }}\"\n", "${{ params.password }}\"\n", "SECRET_EXPOSED", "outputs.url", "password }}\"\n", /sensitive/],
  ["a sensitive output in another", "${{ params.database }}\"\n", "${{ outputs.dsn }}\"\n", "SECRET_EXPOSED", "outputs.url", "dsn }}", /sensitive/],
  ["outputs in a circle", "${{ params.database }}\"\n", "${{ outputs.url }}\"\n", "CYCLE", "outputs.url", "url: \"postgres", /circles/],
  ["defaults in a circle", "default: app", 'default: "${{ params.database }}"', "CYCLE", "parameters.database", "database: { type", /circles/],
];

describe.each([["structure", structure], ["references", references], ["expressions", expressions]] as const)("%s", (_name, cases) => {
  it.each(cases)("refuses %s", (_what, piece, by, code, path, pointed, said) => {
    const source = sampleWith(piece, by);
    const found = problemsOf(source).find((each) => each.code === code && each.path === path);
    expect(found, JSON.stringify(problemsOf(source))).toBeDefined();
    expect({ line: found?.line, column: found?.column }).toEqual(placeOf(source, pointed));
    expect(`${found?.message} ${found?.expected}`).toMatch(said);
  });
});

describe("places inside quoted and folded texts", () => {
  it.each([
    ["single quotes", `'it''s \${{ params.databse }}'`],
    ["double quotes with escapes", `"a\\tb \\"c\\" \${{ params.databse }}"`],
    ["a folded block", `>-\n    some words\n    and more \${{ params.databse }}`],
    ["a literal block", `|\n    some words\n\n    and more \${{ params.databse }}`],
    ["a plain text over lines", `some words\n    and more \${{ params.databse }}`],
  ])("%s", (_name, text) => {
    const source = sampleSource.replace(/ {2}url: .*\n/, () => `  url: ${text}\n`);
    const found = problemsOf(source).find((each) => each.path === "outputs.url");
    expect({ line: found?.line, column: found?.column }).toEqual(placeOf(source, "databse"));
  });
});

describe("a template that holds", () => {
  it("keeps its digest when only its layout changes", () => {
    const plain = parseTemplateHere(sampleSource);
    const spaced = parseTemplateHere(`# a comment\n${sampleSource.replace("cpu: 2, memory", "cpu:   2,   memory")}`);
    const other = parseTemplateHere(sampleWith("cpu: 2, memory", "cpu: 3, memory"));
    if (!plain.ok || !spaced.ok || !other.ok) throw new Error("the sample must hold");
    expect(spaced.digest).toBe(plain.digest);
    expect(other.digest).not.toBe(plain.digest);
  });

  it("survives being stored as JSON", () => {
    const parsed = parseTemplateHere(sampleSource);
    if (!parsed.ok) throw new Error("the sample must hold");
    expect(loadTemplate(JSON.parse(JSON.stringify(parsed.template)))).toEqual(parsed);
  });

  it("is refused with paths when stored JSON was tampered with", () => {
    expect(loadTemplate({ kind: "Template" })).toMatchObject({ ok: false, problems: expect.arrayContaining([expect.objectContaining({ path: "servers", line: 0, column: 0 })]) });
    expect(loadTemplate(null)).toMatchObject({ ok: false, problems: [{ code: "WRONG_TYPE", path: "" }] });
  });
});
