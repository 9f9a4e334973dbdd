import { Problem } from '@millrace/shared'

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
  const parsed = Problem.safeParse(parseJson(text))
  return new ApiError(response.status, parsed.data ?? {}, `${response.status} ${text.slice(0, 200)}`)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
