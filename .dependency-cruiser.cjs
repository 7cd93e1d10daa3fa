/** Who may import whom; see docs and the layers named by files' suffixes. */
const layers = ['rpc', 'usecases', 'repo', 'table'];

/** A layer may not import one above it. */
const upward = layers.flatMap((layer, i) =>
  i === 0
    ? []
    : [
        {
          name: `${layer}-imports-upward`,
          severity: 'error',
          from: { path: `\\.${layer}\\.ts$` },
          to: { path: `\\.(${layers.slice(0, i).join('|')})\\.ts$` },
        },
      ],
);

module.exports = {
  forbidden: [
    {
      name: 'no-cycle',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    ...upward,
    {
      name: 'rpc-past-usecases',
      severity: 'error',
      from: { path: '\\.rpc\\.ts$' },
      to: { path: '\\.table\\.ts$', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'service-imports-service',
      severity: 'error',
      from: { path: '^services/([^/]+)/', pathNot: '^services/all-in-one/' },
      to: { path: '^services/', pathNot: '^services/$1/' },
    },
    {
      name: 'services-are-imported-by-all-in-one-and-deploy',
      severity: 'error',
      from: { pathNot: '^(services|deploy|packages/(testkit|simulation)|bench|tools)/|\\.(test|fixture)\\.ts$' },
      to: { path: '^services/' },
    },
    {
      name: 'agent-cli-and-console-know-only-the-contract',
      severity: 'error',
      from: { path: '^(agent|cli|console)/', pathNot: '\\.(test|fixture)\\.ts$' },
      to: { path: '^(services|packages/(kit|database))/' },
    },
    {
      name: 'simulator-stands-alone',
      severity: 'error',
      from: { path: '^simulator/', pathNot: '\\.(test|fixture)\\.ts$' },
      to: { path: '^(services|agent|cli|packages/(kit|database|api))/' },
    },
    {
      name: 'packages-import-no-program',
      severity: 'error',
      from: { path: '^packages/', pathNot: '^packages/(testkit|simulation)/|\\.(test|fixture)\\.ts$' },
      to: { path: '^(services|agent|cli|simulator|deploy)/' },
    },
    {
      name: 'testkit-is-for-tests',
      severity: 'error',
      from: { pathNot: '^(packages/(testkit|simulation)|bench)/|\\.(test|fixture)\\.ts$' },
      to: { path: '^packages/(testkit|simulation)/' },
    },
    {
      name: 'code-imports-no-test',
      severity: 'error',
      from: { pathNot: '\\.(test|fixture)\\.ts$' },
      to: { path: '\\.(test|fixture)\\.ts$' },
    },
  ],
  options: {
    parser: 'swc',
    tsPreCompilationDeps: true,
    // Its parser does not know `using` yet, which tests use.
    doNotFollow: { path: ['node_modules', '\\.(test|fixture)\\.ts$'] },
    exclude: { path: '(^|/)node_modules/|^packages/api/gen/|\\.mjs$|/dist/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
      extensions: ['.ts', '.js'],
    },
  },
};
