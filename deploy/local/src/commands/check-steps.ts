/** What `npm run check` checks, in this order. Paths are relative to the checkout; `node` is the project's own. */

export type CheckStep = { name: string; program: string; args: string[]; cwd?: string }

export const checkSteps: CheckStep[] = [
  { name: 'types', program: 'node', args: ['test/node_modules/typescript/bin/tsc', '-p', 'tsconfig.json'] },
  {
    name: 'web types',
    program: 'node',
    args: ['test/node_modules/typescript/bin/tsc', '-p', 'services/console/web/tsconfig.json'],
  },
  { name: 'lint', program: 'node', args: ['test/node_modules/@biomejs/biome/bin/biome', 'check'] },
  { name: 'proto', program: './node_modules/.bin/buf', args: ['lint'], cwd: 'packages/contracts' },
  {
    name: 'layers',
    program: 'node',
    args: [
      'test/node_modules/vitest/vitest.mjs',
      'run',
      '--config',
      'test/vitest.config.ts',
      '--project',
      'unit',
      'test/repo',
    ],
  },
]
