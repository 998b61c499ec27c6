import { Pool } from 'undici'

/** Sends the requests of an import as fast as undici can, and discards the responses. */
export async function bareImport(
  url: string,
  repository: string,
  { connections, inFlight, first }: { connections: number; inFlight: number; first: boolean },
): Promise<number> {
  const pool = new Pool(url, { connections, pipelining: 1 })
  let requests = 0
  const send = async (method: 'GET' | 'HEAD', path: string) => {
    requests++
    const response = await pool.request({
      method,
      path: `/v2/${repository}/${path}`,
      headers: HEADERS,
      reset: false,
    })
    return { headers: response.headers, body: Buffer.from(await response.body.arrayBuffer()) }
  }

  const tags: string[] = []
  for (let path: string | undefined = 'tags/list?n=1000'; path !== undefined; ) {
    const { headers, body } = await send('GET', path)
    tags.push(...JSON.parse(body.toString()).tags)
    path = /<[^>]*\/(tags\/list[^>]*)>/.exec(String(headers.link ?? ''))?.[1]
  }
  const fetched = new Set<string>()
  const once = async (path: string): Promise<Buffer | undefined> => {
    if (fetched.has(path)) return undefined
    fetched.add(path)
    return (await send('GET', path)).body
  }
  const worker = async (): Promise<void> => {
    for (let tag = tags.pop(); tag !== undefined; tag = tags.pop()) {
      const { headers } = await send('HEAD', `manifests/${tag}`)
      const manifest = first && (await once(`manifests/${headers['docker-content-digest']}`))
      if (manifest) await once(`blobs/${JSON.parse(manifest.toString()).config.digest}`)
    }
  }
  await Promise.all(Array.from({ length: inFlight }, worker))
  await pool.close()
  return requests
}

const HEADERS = {
  accept: 'application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json',
}
