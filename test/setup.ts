import fc from 'fast-check'
import { seedOf } from './fixtures/seed.ts'

// all properties: a failure reports this seed, and the counterexample's path
fc.configureGlobal({ seed: seedOf('properties') })
