import { type Call, contractEntries } from '@millrace/shared'

/** Throws when an answer of the API is not what the contract promises for that call and status. Passes on the answer. */
export async function checkAnswer(method: string, url: string, answer: Response): Promise<Response> {
  const { pathname } = new URL(url, 'http://here.invalid')
  const call = contractEntries.find(([, one]) => one.method === method && leadsTo(one, pathname))
  if (!call || !answer.ok) return answer
  const [name, { answers }] = call
  const promised = answers[answer.status]
  if (!promised) throw new Error(`${name} answered ${answer.status}, which the contract does not have`)
  const isJson = answer.headers.get('content-type')?.startsWith('application/json')
  const parsed = isJson && promised.json?.safeParse(await answer.clone().json())
  if (parsed && !parsed.success)
    throw new Error(`${name} answered what the contract does not promise`, { cause: parsed.error })
  return answer
}

const leadsTo = ({ path }: Call, pathname: string): boolean =>
  new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(pathname)
