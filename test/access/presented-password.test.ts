import { expect, test } from 'vitest'
import { passwordIn } from '../../src/access/presented-password.ts'

const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`

test.each([
  ['ci:secret', 'secret'],
  ['robot$team+ci:secret', 'secret'],
  ['system:serviceaccount:team:ci:secret', 'secret'],
  [':secret', 'secret'],
  ['ci:', ''],
  ['secret', undefined],
])('the password of %s is %s', (text, password) => {
  expect(passwordIn(basic(text))).toBe(password)
})

test.each(['Bearer secret', 'Basic', 'secret', ''])('%j has none', (authorization) => {
  expect(passwordIn(authorization)).toBeUndefined()
})
