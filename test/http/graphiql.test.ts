import { request } from 'undici'
import { describe, expect, it, test } from 'vitest'
import { startApp } from '../fixtures/app.ts'
import { type Page, startChromium } from '../fixtures/chromium.ts'
import { eventually } from '../fixtures/eventually.ts'
import { missingPrograms } from '../fixtures/programs.ts'
import { image } from '../fixtures/random-image.ts'
import { startUpstream } from '../fixtures/upstream.ts'
import { shared } from '../graphql/shared.ts'
import { startApi } from './api.ts'

const HTML = { accept: 'text/html,*/*' }
const api = shared(() => startApi())

async function get(path: string, headers: Record<string, string> = {}) {
  const { statusCode, headers: received, body } = await request(`http://${api().host}${path}`, { headers })
  return { status: statusCode, headers: received, body: Buffer.from(await body.arrayBuffer()) }
}

async function filesOf(): Promise<string[]> {
  const { body } = await get('/graphql', HTML)
  return [...body.toString().matchAll(/ (?:src|href)="(\/[^"]+)"/g)].flatMap(([, path]) => path ?? [])
}

describe('GraphiQL', () => {
  it('is a small page under a strict content security policy, whose files are all from this server', async () => {
    const { headers, body } = await get('/graphql', HTML)
    expect(headers['content-type']).toMatch('text/html')
    expect(body.length).toBeLessThan(2_000)
    expect(body.toString()).not.toMatch(/<script(?![^>]* src="\/)|https?:\/\/(?!www\.w3\.org)/)
    expect(body.toString()).toContain('<meta name="viewport" content="width=device-width, initial-scale=1">')
    expect(headers['content-security-policy']).toMatch(
      /default-src 'none'; script-src 'self'; worker-src 'self';/,
    )
    expect(headers).toMatchObject({
      'x-frame-options': 'DENY',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-cache',
    })
  })

  it('does not send the page again to a browser that has it', async () => {
    const { headers } = await get('/graphql', HTML)
    const again = await get('/graphql', { ...HTML, 'if-none-match': String(headers.etag) })
    expect(again).toMatchObject({ status: 304, body: Buffer.alloc(0) })
    expect(await get('/graphql', { ...HTML, 'if-none-match': '"other"' })).toMatchObject({ status: 200 })
  })

  it('has files that a browser keeps for ever and gets compressed', async () => {
    const paths = await filesOf()
    expect(paths).toHaveLength(4)
    for (const path of paths) {
      expect(path).toMatch(/^\/graphql\/files\/\w+-[\w-]{20}\.(?:js|css)$/)
      const [plain, gzip, br] = [
        await get(path),
        await get(path, { 'accept-encoding': 'gzip, deflate' }),
        await get(path, { 'accept-encoding': 'gzip, deflate, br, zstd' }),
      ]
      expect(plain.headers['cache-control']).toBe('public, max-age=31536000, immutable')
      expect(plain.headers['content-encoding']).toBeUndefined()
      expect([gzip.headers['content-encoding'], br.headers['content-encoding']]).toEqual(['gzip', 'br'])
      expect(gzip.body.length).toBeLessThan(plain.body.length)
      expect(br.body.length).toBeLessThan(gzip.body.length)
      expect(new Set([plain, gzip, br].map(({ headers }) => headers.etag)).size).toBe(3)
    }
  })

  it('responds 404 to the path of an unknown file, and 405 to a write', async () => {
    expect(await get('/graphql/files/graphiql-0.js')).toMatchObject({ status: 404 })
    const [path = ''] = await filesOf()
    expect((await request(`http://${api().host}${path}`, { method: 'POST' })).statusCode).toBe(405)
  })

  it('does not contain a schema that clients may not introspect', async () => {
    await using hidden = await startApi({ introspection: false })
    const page = await request(`http://${hidden.host}/graphql`, { headers: HTML })
    expect(await page.body.text()).not.toContain('schema-')
  })
})

const DESKTOP = { width: 1280, height: 800 }
const TAB = (title: string) =>
  `[...document.querySelectorAll('.graphiql-tab-button')].find((tab) => tab.title === '${title}')`
const RUN = `document.querySelector('.graphiql-execute-button')`
const EDITOR = `document.querySelector('.graphiql-query-editor .view-lines')?.textContent`
const RESULT = `document.querySelector('.result-window .view-lines')?.textContent`

const metricsOf = async (url: string): Promise<string> => (await fetch(`${url}/metrics`)).text()

const missing = missingPrograms('chromium')

describe.skipIf(missing !== undefined)(`in a browser${missing ? `: ${missing}` : ''}`, () => {
  const world = shared(async () => {
    const app = await startApp()
    const page = await startChromium()
    return {
      app,
      page,
      async [Symbol.asyncDispose]() {
        await page[Symbol.asyncDispose]()
        await app[Symbol.asyncDispose]()
      },
    }
  })

  async function open(size: { width: number; height: number; mobile?: boolean }): Promise<Page> {
    const { app, page } = world()
    await page.resize(size)
    // open tabs and panels of the test before
    await page.send('Storage.clearDataForOrigin', { origin: app.app.url, storageTypes: 'local_storage' })
    await page.open(`${app.app.url}/graphql`)
    await page.until(TAB('CreateImageStream'))
    return page
  }

  async function openTab(page: Page, title: string): Promise<void> {
    await page.click(TAB(title))
    await page.until(`document.querySelector('.graphiql-tab-active').textContent.startsWith('${title}')`)
    await page.until(`/(?:query|mutation|subscription).${title}/.test(${EDITOR})`)
  }

  const transferred = ({ transfers }: Page): number =>
    transfers.splice(0).reduce((sum, { bytes }) => sum + bytes, 0)

  test('GraphiQL is transferred once, less than two megabytes', async () => {
    const page = await open(DESKTOP)
    expect(transferred(page)).toBeLessThan(2_000_000)
    await open(DESKTOP)
    expect(transferred(page)).toBeLessThan(5_000)
    expect(page.problems).toEqual([])
  })

  test('a click opens a tab', async () => {
    const page = await open(DESKTOP)
    for (const title of ['ImagePushed', 'ImageStream', 'ImportImage', 'CreateImageStream']) {
      await openTab(page, title)
    }
    expect(page.problems).toEqual([])
  })

  test('the documentation of a field has its example', async () => {
    const page = await open(DESKTOP)
    await page.click(`document.querySelector('[aria-label="Show Documentation Explorer"]')`)
    for (const name of ['Mutation', 'importImage']) {
      await page.click(
        `[...document.querySelectorAll('.graphiql-doc-explorer a')].find((link) => link.textContent === '${name}')`,
      )
    }
    await page.until(
      `document.querySelector('.graphiql-doc-explorer pre')?.textContent.includes('mutation ImportImage {')`,
    )
  })

  test('a subscription shows each event when it happens', async () => {
    await using upstream = await startUpstream()
    const { app, client } = world().app
    const page = await open(DESKTOP)
    await openTab(page, 'ImagePushed')
    await eventually(async () => {
      // as a person does, while the button still offers to execute the operation
      if (await page.evaluate<boolean>(`${RUN}.ariaLabel.startsWith('Execute')`)) await page.click(RUN)
      expect(await metricsOf(app.url)).toMatch(/^imagestreams_change_log_subscriptions 1$/m)
    })

    for (const seed of ['one', 'two']) {
      const digest = upstream.push('library/ruby', 'latest', image({ seed }))
      await client.request(
        `mutation { importImage(input: { imageStream: "ruby", tag: "latest", from: "${upstream.host}/library/ruby:latest", confirm: true, replaceSource: true }) { import { state } } }`,
      )
      await page.until(`${RESULT}?.replace(/\\s/g, '').includes('${digest}')`)
    }
    expect(page.problems).toEqual([])
  })

  test('a phone shows an operation and its result below each other', async () => {
    for (const width of [390, 320]) {
      const page = await open({ width, height: 700, mobile: true })
      await openTab(page, 'ImageStream')
      // shortly after a click on a tab GraphiQL still looks for the operation of the tab before
      do {
        await page.click(RUN)
        await page.until(`/imageStream|errors/.test(${RESULT})`)
      } while (await page.evaluate<boolean>(`/errors/.test(${RESULT})`))

      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width)
      const [editor, result] = await page.evaluate<{ top: number; bottom: number; width: number }[]>(
        `['.graphiql-query-editor', '.result-window'].map((name) => document.querySelector(name).getBoundingClientRect().toJSON())`,
      )
      expect(result?.top).toBeGreaterThanOrEqual(editor?.bottom ?? Number.POSITIVE_INFINITY)
      expect(result?.bottom).toBeLessThanOrEqual(700)
      for (const box of [editor, result]) expect(box?.width).toBeGreaterThan(width * 0.8)
      expect(page.problems).toEqual([])
    }
  })
})
