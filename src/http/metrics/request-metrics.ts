import { Counter, Histogram, type Registry } from 'prom-client'
import type { OperationRecord } from '../request/request-record.ts'

/** Seconds: from a cached read to the upload of a layer. */
const REQUEST_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300]
const OPERATION_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
/** Methods with a label of their own; clients choose others. */
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

/** A response that has ended. */
export interface EndedResponse {
  /** Pattern of the path, of which there are few. */
  readonly route: string
  readonly method: string
  readonly status: number
  readonly seconds: number
}

/** Creates the metrics of requests and operations. Their labels have as many values as the server has routes, fields and codes. */
export function createRequestMetrics(registry: Registry) {
  const registers = [registry]
  const requests = new Histogram({
    name: 'imagestreams_http_request_duration_seconds',
    help: 'Time from the headers of a request to the end of its response, by route, method and status; without event streams.',
    labelNames: ['route', 'method', 'code'],
    buckets: REQUEST_BUCKETS,
    registers,
  })
  const operations = new Histogram({
    name: 'imagestreams_graphql_operation_duration_seconds',
    help: 'Time of the execution of GraphQL operations, by their type and root field; of subscriptions the time until they begin.',
    labelNames: ['type', 'field'],
    buckets: OPERATION_BUCKETS,
    registers,
  })
  const errors = new Counter({
    name: 'imagestreams_graphql_errors_total',
    help: 'Errors in results of GraphQL operations, by their code.',
    labelNames: ['code'],
    registers,
  })
  return {
    responded({ route, method, status, seconds }: EndedResponse): void {
      const labels = { route, method: METHODS.has(method) ? method : 'other', code: String(status) }
      requests.observe(labels, seconds)
    },
    /** Counts an operation; one that was not executed by its errors alone. */
    operationEnded({ type, field, codes, seconds }: OperationRecord): void {
      if (type !== undefined && field !== undefined && seconds !== undefined)
        operations.observe({ type, field }, seconds)
      for (const code of codes) errors.inc({ code })
    },
  }
}
