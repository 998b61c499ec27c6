import { basicCredentials } from '../../logins/registry-login.ts'
import type { Desk, Question } from '../listing/desk.ts'
import { listOf, objectOf, objectsOf, parseJson, timeOf } from '../listing/json.ts'
import { nextPageOf } from '../listing/next-page.ts'
import type { ToldPage, Vendor } from '../listing/vendor.ts'

const PAGE_SIZE = 100

/**
 * Harbor's listing of artifacts that have a tag, newest push first. An old artifact that is tagged anew stays where it
 * was, and no webhook tells of it (goharbor/harbor#22640): only a whole listing finds that.
 * Source: Harbor, api/v2.0/swagger.yaml, listArtifacts.
 */
export const harbor: Vendor = {
  title: 'Harbor',
  newestFirst: true,
  serves: (repository) => repository.includes('/'),
  async *pages(desk) {
    let question = await basicQuestionOf(desk)
    for (let page = 1; ; page += 1) {
      const url = await desk.atRegistry(pathOf(desk.repository, page))
      let answer = await desk.dial(url, question)
      if (answer.status === 401 && question.headers) {
        // a login that does not open the project must not close one that anybody may read
        question = {}
        answer = await desk.dial(url, question)
      }
      if (answer.status !== 200) throw await desk.refusal(url, answer, question)
      const artifacts = objectsOf(parseJson(answer), 'its answer')
      const hasLink = 'link' in answer.headers
      const hasMore = hasLink
        ? nextPageOf(answer, url.pathname + url.search) !== undefined
        : artifacts.length >= PAGE_SIZE
      const told: ToldPage = {
        tags: artifacts.flatMap(({ digest, tags }) =>
          listOf(tags ?? [], "an artifact's list of tags").map((entry) => {
            const { name, push_time: pushed } = objectOf(entry, 'a tag')
            return { tag: name, digest, changedAt: timeOf(pushed) }
          }),
        ),
        entries: artifacts.length,
        // it counts artifacts, of which each may have many tags
        total: null,
        isComplete: !hasMore,
      }
      yield told
      if (told.isComplete) return
    }
  },
}

/** The repository's slashes are encoded twice: Harbor's router decodes a path once before it takes it apart. */
function pathOf(name: string, page: number): string {
  const slash = name.indexOf('/')
  const project = name.slice(0, slash)
  const repository = encodeURIComponent(encodeURIComponent(name.slice(slash + 1)))
  const path = `/api/v2.0/projects/${project}/repositories/${repository}/artifacts`
  return `${path}?page_size=${PAGE_SIZE}&page=${page}&with_tag=true&q=tags%3D*`
}

/** Signed in by name and password where there are some. */
export async function basicQuestionOf(desk: Desk): Promise<Question> {
  const secret = (await desk.credential())?.secret
  if (secret?.kind !== 'password') return {}
  const encoded = basicCredentials(secret.username, secret.password)
  return { headers: { authorization: `Basic ${encoded}` }, shown: [encoded, secret.password] }
}
