// The arrows of the house: a room imports only from the rooms listed for it (docs/architecture.md draws them).
const rooms = {
  model: [],
  machines: ['model'],
  analysis: ['model'],
  services: ['model'],
  bus: ['model'],
  testing: ['model'],
  inspection: ['model'],
  actors: ['model', 'machines', 'analysis', 'services', 'bus'],
  telemetry: ['model', 'actors'],
  replay: ['model', 'machines', 'analysis', 'services', 'bus', 'actors', 'telemetry'],
  adapters: ['model', 'machines', 'analysis', 'services', 'bus', 'actors', 'telemetry', 'replay'],
  server: ['model', 'machines', 'analysis', 'services', 'bus', 'actors', 'telemetry', 'replay', 'adapters'],
}

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-orphans',
      severity: 'error',
      from: { orphan: true, pathNot: ['^src/(index|testing/index)\\.ts$', '\\.d\\.ts$'] },
      to: {},
    },
    {
      name: 'no-undeclared-packages',
      comment: 'elkjs and openai are optional peers, imported only when a picture is drawn and when the demo runs',
      severity: 'error',
      from: { path: '^src' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'npm-dev'], pathNot: ['^node:', '^node_modules/(elkjs|openai)/'] },
    },
    {
      name: 'nothing-imports-the-public-face',
      severity: 'error',
      from: { path: '^src/[^/]+/', pathNot: '^src/cli/' },
      to: { path: '^src/(index|switchgear|testing/index)\\.ts$' },
    },
    ...Object.entries(rooms).map(([room, allowed]) => ({
      name: `arrows-of-${room}`,
      comment: `src/${room} imports only from: ${[room, ...allowed].join(', ')}`,
      severity: 'error',
      from: { path: `^src/${room}/` },
      to: { path: '^src/', pathNot: `^src/(${[room, ...allowed].join('|')})/` },
    })),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
}
