import { performance } from 'node:perf_hooks'
import { Hono } from 'hono'
import type { ApiPorts } from './api-ports.ts'
import { Failure } from './failure.ts'
import { withAudit } from './http/audited.ts'
import { allow, authenticate, isStillGood } from './http/authenticate.ts'
import { limitBody } from './http/body-size.ts'
import { Budgets } from './http/budget.ts'
import { corsFor } from './http/cors.ts'
import { type Endpoint, leadsTo } from './http/endpoint.ts'
import type { Ctx, Env } from './http/env.ts'
import { withIdempotency } from './http/idempotency.ts'
import { answerFailure, answerProblem } from './http/problem.ts'
import { RateLimits } from './http/rate-limit.ts'
import { byTicket, ticketIn } from './http/ticket.ts'
import { newIds, newUlid } from './ids.ts'
import { openMetrics } from './metrics/metrics.ts'
import type { Ports } from './ports.ts'
import { agentSideEndpoints } from './routes/agent-side.ts'
import { agentEndpoints } from './routes/agents.ts'
import { auditEndpoints } from './routes/audit.ts'
import { batchEndpoints } from './routes/batches.ts'
import { dataEndpoints } from './routes/data.ts'
import { dataCareEndpoints } from './routes/data-care.ts'
import { docsPage } from './routes/docs-page.ts'
import { eventEndpoints } from './routes/events.ts'
import { grantEndpoints } from './routes/grants.ts'
import { healthEndpoints } from './routes/health.ts'
import { moduleEndpoints } from './routes/modules.ts'
import { openApiDocument } from './routes/openapi.ts'
import { operatorEndpoints } from './routes/operators.ts'
import { runEndpoints } from './routes/runs.ts'
import { scheduleEndpoints } from './routes/schedules.ts'
import { taskActEndpoints } from './routes/task-acts.ts'
import { taskEventEndpoints } from './routes/task-events.ts'
import { taskEndpoints } from './routes/tasks.ts'
import { ticketEndpoints } from './routes/tickets.ts'
import { webhookEndpoints } from './routes/webhooks.ts'
import { whyEndpoints } from './routes/why.ts'

export type AppOptions = { corsOrigins: readonly string[]; adminKeyHash: string | null }

/** Browsers must not run, frame or sniff an answer, nor send its URL to another site: callers choose parts of it. */
const safeHeaders = [
  ['X-Content-Type-Options', 'nosniff'],
  ['Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'"],
  ['Referrer-Policy', 'no-referrer'],
] as const
/** The API's documentation page has inline styles and loads nothing else. */
const policyOfDocs =
  "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

type Limits = { rates: RateLimits; budgets: Budgets }

const pages = ['/openapi.json', '/docs']

/** Built at the first request, since it takes longer than the rest of the start. */
const theDocument = once(openApiDocument)

/** The whole HTTP interface over the given servers. It keeps no state. */
export function createApp(ports: ApiPorts, options: AppOptions) {
  const metrics = openMetrics(ports)
  const others = [
    ...dataEndpoints(ports),
    ...dataCareEndpoints(ports),
    ...taskEndpoints(ports),
    ...batchEndpoints(ports),
    ...webhookEndpoints(ports),
    ...auditEndpoints(ports),
    ...whyEndpoints(ports),
    ...scheduleEndpoints(ports),
    ...taskActEndpoints(ports),
    ...taskEventEndpoints(ports),
    ...eventEndpoints(ports),
    ...runEndpoints(ports),
    ...moduleEndpoints(ports),
    ...operatorEndpoints(ports),
    ...agentEndpoints(ports),
    ...grantEndpoints(ports),
    ...agentSideEndpoints(ports),
    ...healthEndpoints(ports, metrics),
  ]
  const endpoints = [...others, ...ticketEndpoints(ports, others)]
  const replicas = () => ports.replicas.count
  const limits: Limits = { rates: new RateLimits(replicas), budgets: new Budgets(replicas) }
  const app = new Hono<Env>()
  app.onError(answerFailure)
  app.notFound((c) => answerUnknown(c, endpoints))
  app.use(async (c, next) => {
    begin(c, ports)
    const start = performance.now()
    await next()
    const seconds = (performance.now() - start) / 1000
    metrics.request({ method: c.req.method, route: c.var.route, status: c.res.status }, seconds)
    c.var.logger.info(
      { method: c.req.method, path: c.req.path, status: c.res.status, ms: Math.round(seconds * 1000) },
      'request',
    )
  })
  app.use(corsFor(options.corsOrigins))
  for (const one of endpoints)
    app.on(one.method, one.path, (c) => serve(ports, { ...options, ...limits }, one, c))
  for (const path of pages) {
    app.get(path, (c) => {
      c.set('route', path)
      if (path === '/openapi.json') return c.json(theDocument())
      c.header('Content-Security-Policy', policyOfDocs)
      return c.html(docsPage())
    })
  }
  return { app, metrics }
}

/** Every answer carries a request id: the caller's, if it is safe to log. */
function begin(c: Ctx, ports: Ports): void {
  const given = c.req.header('x-request-id')
  const requestId = given && /^[\w.:-]{1,128}$/.test(given) ? given : `req_${newUlid()}`
  c.set('requestId', requestId)
  c.set('logger', ports.logger.child({ requestId }))
  c.set('ids', newIds)
  c.set('route', 'none')
  c.set('replayed', false)
  c.set('repeated', false)
  c.header('X-Request-Id', requestId)
  for (const [name, value] of safeHeaders) c.header(name, value)
}

/** Authentication and rate limits come before the API reads the body. */
async function serve(
  ports: ApiPorts,
  options: AppOptions & Limits,
  one: Endpoint,
  c: Ctx,
): Promise<Response> {
  c.set('route', one.path)
  const { scope } = one
  if (scope === 'none') return one.handle(c)
  const { openToGrants } = one
  const ticket = ticketIn(c)
  const caller =
    ticket === undefined
      ? authenticate(ports, options.adminKeyHash, c)
      : byTicket(ports, options.adminKeyHash, c, ticket)
  caller.catch((error: unknown) => {
    if (error instanceof Failure && error.code === 'unauthorized') ports.refused.note(c)
  })
  const principal = allow(await caller, { scope, openToGrants })
  if (principal.rateLimit) options.rates.take(principal.id, principal.rateLimit, ports.clock.now())
  const budget = options.budgets.of(principal, () => ports.clock.now())
  budget.take('requests')
  c.set('principal', principal)
  c.set('budget', budget)
  c.set('stillAllowed', () => isStillGood(ports, options.adminKeyHash, principal))
  await limitBody(c, one.bodyLimit)
  const handle = () => withAudit(ports, c, one, () => one.handle(c))
  return one.idempotent ? withIdempotency(ports.store, c, ports.clock.now(), handle) : handle()
}

function answerUnknown(c: Ctx, endpoints: readonly Endpoint[]): Response {
  const given = endpoints.filter((one) => leadsTo(one.path, c.req.path)).map((one) => one.method)
  const methods = [...new Set(pages.includes(c.req.path) ? ['GET'] : given)]
  if (methods.length === 0)
    return answerProblem(c, 'not_found', `${c.req.path} is not a path of this API. GET /docs lists them.`)
  if (methods.includes('GET')) methods.push('HEAD')
  c.header('Allow', methods.join(', '))
  return answerProblem(
    c,
    'method_not_allowed',
    `${c.req.path} accepts ${methods.join(', ')}, not ${c.req.method}.`,
  )
}

function once<Value>(make: () => Value): () => Value {
  let made: { value: Value } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}
