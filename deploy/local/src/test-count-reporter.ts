import { writeFileSync } from 'node:fs';
import type { Reporter, TestModule, TestRunEndReason } from 'vitest/node';
import { countsVariable, type TestCounts } from './test-counts.ts';

/** Writes vitest's counts to the file that the environment names. A file that can't be loaded, and an error outside any test, is a failure. */
export default class TestCountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[], _reason: TestRunEndReason): void {
    const path = process.env[countsVariable];
    if (path !== undefined) writeFileSync(path, JSON.stringify(countModules(modules, errors.length)));
  }
}

function countModules(modules: readonly TestModule[], outsideErrors: number): TestCounts {
  const counts = { passed: 0, failed: outsideErrors, skipped: 0 };
  for (const module of modules) {
    if (module.errors().length > 0) counts.failed += 1;
    for (const suite of module.children.allSuites()) if (suite.errors().length > 0) counts.failed += 1;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      if (state === 'passed') counts.passed += 1;
      else if (state === 'skipped') counts.skipped += 1;
      else counts.failed += 1;
    }
  }
  return counts;
}
