import { testSeed } from '@linkfleet/testkit/seed'
import fc from 'fast-check'

fc.configureGlobal({ seed: testSeed })
