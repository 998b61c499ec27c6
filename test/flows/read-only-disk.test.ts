import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startApp } from '../fixtures/app.ts'
import { image, layer } from '../fixtures/random-image.ts'
import { mountReadOnly } from '../fixtures/small-disk.ts'
import { startUpstream } from '../fixtures/upstream.ts'
import { mirror } from '../graphql/mirroring/mirror.ts'

test('folders of blobs that become read-only fail pushes and mirrorings with what to do, until they are writable', async ({
  skip,
}) => {
  const dataFolder = mkdtempSync(join(tmpdir(), 'imagestreams-read-only-'))
  await using upstream = await startUpstream()
  upstream.push('team/app', '1', image({ seed: 'one', layers: [layer('one')] }))
  const source = `${upstream.host}/team/app:1`
  {
    await using app = await startApp({ dataFolder })
    const start = () => fetch(`${app.app.url}/v2/team/app/blobs/uploads/`, { method: 'POST' })
    {
      using readOnly = mountReadOnly([join(dataFolder, 'blobs'), join(dataFolder, 'uploads')])
      if (!readOnly) return skip()
      const refused = await start()
      expect(refused.status).toBe(507)
      expect(await refused.text()).toContain('read-only')
      expect(await mirror(app, source)).toMatchObject({
        state: 'FAILED',
        message: expect.stringContaining('make its data folder writable'),
      })
    }
    expect((await start()).status).toBe(202)
    expect(await mirror(app, source)).toMatchObject({ state: 'SUCCEEDED' })
  }
  rmSync(dataFolder, { recursive: true })
})
