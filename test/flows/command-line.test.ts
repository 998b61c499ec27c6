import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readDataFolder } from '../../src/app/config.ts'
import { buildServer } from '../fixtures/server-process.ts'

test.each([
  [['--help'], /Usage: imagestreams[\s\S]*serve[\s\S]*--port {2}[\s\S]*IMAGESTREAMS_CREDENTIALS_KEY/],
  [['serve', '--help'], /Usage: imagestreams serve \[settings\][\s\S]*--port {2}/],
  [['--version'], /^\d+\.\d+\.\d+/],
])('imagestreams %j prints it to standard output and exits with 0', async (args, expected) => {
  const build = await buildServer()

  const { end, stdout, stderr } = await build.run({}, args)

  expect({ end, stderr }).toEqual({ end: 0, stderr: '' })
  expect(stdout).toMatch(expected)
})

test.each([
  [['bakcup', 'folder'], 64, '"bakcup" is not a command: imagestreams --help lists them\n'],
  [['--prot', '1'], 78, "Unknown option '--prot'"],
  [['serve', '--port', 'high'], 78, '--port (IMAGESTREAMS_PORT) is \\"high\\"; it must be a whole number'],
])('imagestreams %j exits with %d and one line that says why', async (args, code, message) => {
  const build = await buildServer()

  const { end, stdout, stderr } = await build.run({}, args)

  expect({ end, stdout }).toEqual({ end: code, stdout: '' })
  expect(stderr).toContain(message)
  expect(stderr.trimEnd().split('\n')).toHaveLength(1)
})

test.each([[[]], [['serve']]])('imagestreams %j serves, with flags', async (command) => {
  const build = await buildServer()
  const folder = mkdtempSync(join(tmpdir(), 'imagestreams-command-'))
  {
    await using server = await build.start({ PORT: '1' }, undefined, [
      ...command,
      '--port',
      '0',
      '--data',
      folder,
    ])

    expect(JSON.parse(server.announced)).toMatchObject({ dataFolder: folder })
  }
  rmSync(folder, { recursive: true })
})

test('commands find the data folder where the server does', () => {
  expect(readDataFolder('/from/flag', { IMAGESTREAMS_DATA: '/from/environment' })).toBe('/from/flag')
  expect(readDataFolder(undefined, { IMAGESTREAMS_DATA: '/from/environment' })).toBe('/from/environment')
  expect(readDataFolder(undefined, {})).toBe(join(process.cwd(), 'data'))
  expect(() => readDataFolder('a\nb', {})).toThrow('--data (IMAGESTREAMS_DATA) has a control character')
})
