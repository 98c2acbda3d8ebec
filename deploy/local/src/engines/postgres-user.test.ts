import { expect, test } from 'vitest'
import { withNamedUser } from './postgres-user.ts'

test('a user with a name runs the program itself', () => {
  expect(withNamedUser('/bin/initdb', ['-D', 'data'], true)).toEqual({
    file: '/bin/initdb',
    args: ['-D', 'data'],
  })
})

test.runIf(process.platform === 'linux')(
  'a user id without a name borrows one in a namespace of its own',
  () => {
    const { file, args } = withNamedUser('/bin/initdb', ['-D', 'data'], false)
    expect(file).toBe('unshare')
    expect(args.join(' ')).toMatch(/^--user --map-user=\d+ --map-group=\d+ -- \/bin\/initdb -D data$/)
  },
)
