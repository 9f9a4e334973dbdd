import type { Findings } from './forged-requests.ts'

/** `/readyz` shows `state`; `message` explains to the operator why the API does not start. */
export type Verdict =
  | { kind: 'safe'; state: string }
  | { kind: 'warn'; state: string }
  | { kind: 'refuse'; state: string; message: string }

const problem = 'the store accepts forged requests; the log lists them'

/**
 * The API rejects an unsafe store that others can reach: an endpoint off loopback accepted a forged request, or the
 * check could not reach it while the same store accepted one at another endpoint.
 */
export function judgeStore(findings: readonly Findings[], mayBeUnsafe: boolean): Verdict {
  if (findings.every(({ accepted }) => accepted.length === 0)) return { kind: 'safe', state: 'safe' }
  if (mayBeUnsafe) return { kind: 'warn', state: `allowed: ${problem}` }
  const state = `unsafe: ${problem}`
  const suspects = findings.filter((one) => one.accepted.length > 0 || one.unchecked !== null)
  if (suspects.every(({ endpoint }) => isOnLoopback(endpoint))) return { kind: 'warn', state }
  return { kind: 'refuse', state, message: refusal(suspects) }
}

/** Only the endpoint's own address counts: another name may resolve anywhere, and elsewhere tomorrow. */
export function isOnLoopback(endpoint: string): boolean {
  if (!URL.canParse(endpoint)) return false
  const { hostname } = new URL(endpoint)
  return /^127\.\d+\.\d+\.\d+$/.test(hostname) || /^(\[::1\]|(.+\.)?localhost)$/.test(hostname)
}

const refusal = (suspects: readonly Findings[]): string =>
  [
    'The object store accepts forged requests, so the API does not start:',
    ...suspects.flatMap(({ endpoint, accepted, unchecked }) => [
      ...accepted.map(({ request, evidence }) => `  ${endpoint}: ${request} (${evidence})`),
      ...(unchecked ? [`  ${endpoint}: not checked (${unchecked})`] : []),
    ]),
    'Anyone who can reach the store can overwrite or break files without a secret. Do one of these:',
    '  - use another store, for example versitygw',
    '  - put MinIO behind the proxy of infra/compose.yaml (profile minio), and set S3_ENDPOINT to the proxy',
    '  - run a build of the store in which this is fixed',
    '  - set S3_ALLOW_UNSAFE=1, if only people whom you trust can reach the store',
  ].join('\n')
