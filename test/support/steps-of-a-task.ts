import type { Moment, ObservedRequest } from './observed-http.ts'

/** Of what an agent does, as its network sees it. */
type Server = 'api' | 'nats' | 's3'

export type Seen =
  | { server: 'api' | 's3'; moment: Moment; request: ObservedRequest }
  | { server: 'nats'; to: 'server' | 'client'; text: string }

const isApi = (seen: Seen, moment: Moment, path: RegExp): boolean =>
  seen.server === 'api' && seen.moment === moment && path.test(seen.request.path)
const isFile = (seen: Seen, moment: Moment, method: 'GET' | 'PUT', path: RegExp): boolean =>
  seen.server === 's3' &&
  seen.moment === moment &&
  seen.request.method === method &&
  path.test(seen.request.path)
/** Live lines that hold a word, over either way. */
const isSaid = (seen: Seen, word: RegExp): boolean =>
  seen.server === 'nats'
    ? seen.to === 'server' && word.test(seen.text)
    : seen.server === 'api' && /\/logs$/.test(seen.request.path) && word.test(seen.request.body)

const paths = {
  claim: /\/agent\/v1\/claim$/,
  heartbeat: /\/heartbeat$/,
  urls: /\/outputs$/,
  finish: /\/finish$/,
  input: /\/incoming\//,
  output: /\/runs\/.*\/load\//,
}

export const stepNames = [
  'token received',
  'claim sent',
  'claim answered',
  'input asked for',
  'input half here',
  'running',
  'line sent',
  'heartbeat sent',
  'heartbeat answered',
  'URLs asked for',
  'URLs given',
  'output begun',
  'output half there',
  'output stored',
  'finish sent',
  'finish answered',
  'spool empty',
] as const
export type Step = (typeof stepNames)[number]

/** How a step is known from outside, and which servers are out of reach from then on. */
type Recognised = [isStep: (seen: Seen) => boolean, ...outOfReach: Server[]]

export const steps: Record<Step, Recognised> = {
  'token received': [
    (seen) => seen.server === 'nats' && seen.to === 'client' && seen.text.includes('$JS.ACK.WORK.'),
    'nats',
  ],
  'claim sent': [(seen) => isApi(seen, 'request', paths.claim), 'api'],
  'claim answered': [(seen) => isApi(seen, 'answer', paths.claim) && isOk(seen), 'api'],
  'input asked for': [(seen) => isFile(seen, 'request', 'GET', paths.input), 's3'],
  'input half here': [
    (seen) => isFile(seen, 'receiving', 'GET', paths.input) && isHalf(seen, 'received'),
    's3',
  ],
  running: [(seen) => isSaid(seen, /word 2 of/), 'api', 'nats', 's3'],
  'line sent': [(seen) => isSaid(seen, /word 5 of/), 'nats', 'api'],
  'heartbeat sent': [(seen) => isBeat(seen, 'request') || isBeat(seen, 'sending'), 'api'],
  'heartbeat answered': [(seen) => isBeat(seen, 'answer'), 'api'],
  'URLs asked for': [(seen) => isApi(seen, 'request', paths.urls), 'api'],
  'URLs given': [(seen) => isApi(seen, 'answer', paths.urls), 'api'],
  'output begun': [(seen) => isFile(seen, 'request', 'PUT', paths.output), 's3'],
  'output half there': [(seen) => isFile(seen, 'sending', 'PUT', paths.output) && isHalf(seen, 'sent'), 's3'],
  'output stored': [(seen) => isFile(seen, 'answer', 'PUT', paths.output), 's3'],
  'finish sent': [(seen) => isApi(seen, 'request', paths.finish), 'api'],
  'finish answered': [(seen) => isApi(seen, 'answer', paths.finish), 'api'],
  /** Seen in the agent's folder, once the answer to its report has passed. */
  'spool empty': [() => false, 'api'],
}

const isOk = (seen: Seen): boolean => seen.server !== 'nats' && seen.request.answered === 200
const isBeat = (seen: Seen, moment: Moment): boolean =>
  isApi(seen, moment, paths.heartbeat) && seen.server === 'api' && seen.request.body.includes('tsk_')
const isHalf = (seen: Seen, way: 'sent' | 'received'): boolean =>
  seen.server !== 'nats' && seen.request[way] >= loadBytes / 2

/** Large enough to be cut in the middle, whatever the network takes at once. */
export const loadBytes = 600_000

export const isFinishAnswered = (moment: Moment, request: ObservedRequest): boolean =>
  moment === 'answer' && paths.finish.test(request.path)
