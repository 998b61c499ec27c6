import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { openDatabase } from '../../src/db/open.ts'

// The limit of the query benchmark, in its own process: bare node:http with one prepared statement per request.

const ONE_STREAM = `
select json_object('data', json_object('imageStream', json_object('name', s.name, 'tags',
  json_object('nodes', (select json_group_array(json_object(
      'tag', t.name,
      'dockerImageReference', e.docker_image_reference,
      'items', json_object('nodes', json_array(json_object(
        'created', strftime('%Y-%m-%dT%H:%M:%fZ', e.created_at / 1000.0, 'unixepoch'),
        'generation', e.generation))),
      'image', json_object('digest', i.digest, 'size', i.size,
        'platform', json_object('os', i.os, 'architecture', i.architecture))))
    from (select * from tags where stream_id = s.id order by importance limit 50) t
    join tag_events e on e.id = t.newest_event_id join images i on i.id = e.image_id)))))
from image_streams s where s.namespace = ? and s.name = ?`

const MANY_STREAMS = `
select json_object('data', json_object('imageStreams', json_object('nodes', json_group_array(json_object(
  'namespace', s.namespace, 'name', s.name, 'tags',
    json_object('nodes', (select json_group_array(json_object(
        'tag', t.name,
        'dockerImageReference', e.docker_image_reference,
        'image', json_object('digest', i.digest, 'size', i.size)))
      from (select * from tags where stream_id = s.id order by importance limit 5) t
      join tag_events e on e.id = t.newest_event_id join images i on i.id = e.image_id)))))))
from (select * from image_streams where namespace = ? order by namespace, name limit 100) s`

async function startLimit(dataFolder: string): Promise<string> {
  const db = openDatabase(join(dataFolder, 'imagestreams.db'))
  const statements = { one: db.prepare(ONE_STREAM), many: db.prepare(MANY_STREAMS) }
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      const { variables } = JSON.parse(body)
      const [[text]] = (
        variables.name === undefined
          ? statements.many.tuples(variables.namespace)
          : statements.one.tuples(variables.namespace, variables.name)
      ) as [[string]]
      response.writeHead(200, {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(text),
      })
      response.end(text)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

process.on('disconnect', () => process.exit(0))
process.send?.({ url: await startLimit(process.argv[2] ?? '') })
