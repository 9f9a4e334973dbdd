import type { Problem } from './contract.gen.ts'

/** The API refused: `code` is stable, `message` says what is wrong and what would help. */
export class ApiError extends Error {
  readonly status: number
  readonly code: string
  readonly requestId: string | undefined
  readonly errors: Problem['errors']

  constructor(status: number, problem: Partial<Problem>, fallback: string) {
    super(problem.detail ?? fallback)
    this.name = 'ApiError'
    this.status = status
    this.code = problem.code ?? 'unknown'
    this.requestId = problem.requestId
    this.errors = problem.errors
  }
}

export async function apiErrorOf(response: Response): Promise<ApiError> {
  const text = await response.text()
  return new ApiError(response.status, problemIn(text), `${response.status} ${text.slice(0, 200)}`)
}

/** The problem in an answer of the API; any other body came from a program in between. By hand, so that it needs no library. */
function problemIn(text: string): Partial<Problem> {
  try {
    const parsed: unknown = JSON.parse(text)
    return isProblem(parsed) ? parsed : {}
  } catch {
    return {}
  }
}

const isProblem = (parsed: unknown): parsed is Problem =>
  typeof parsed === 'object' && parsed !== null && 'code' in parsed && typeof parsed.code === 'string'
