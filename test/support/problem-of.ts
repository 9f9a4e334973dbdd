import { Problem } from '@millrace/shared'
import { expect } from 'vitest'

/** The problem in an answer, after checking that its form is that of RFC 9457. */
export async function problemOf(response: Response): Promise<Problem> {
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  const problem = Problem.parse(await response.json())
  expect(problem.status).toBe(response.status)
  expect(problem.requestId).toBe(response.headers.get('x-request-id'))
  expect(problem.type).toMatch(new RegExp(`/${problem.code}$`))
  expect(problem.detail.length).toBeGreaterThan(10)
  return problem
}

/** Status, code and the paths of all faults: what a program would look at. */
export async function refusalOf(response: Response) {
  const { status, code, errors } = await problemOf(response)
  return { status, code, ...(errors ? { paths: errors.map((error) => error.path).sort() } : {}) }
}
