import { createLogUpdate } from 'log-update'
import type { Report, StepReport } from './report.ts'

const everyMs = 100

/** Steps at the bottom of a terminal, a line each, which change in place; lines of text scroll by above them. */
function terminalReport(stream: NodeJS.WriteStream): Report {
  const update = createLogUpdate(stream)
  const running = new Map<string, StepReport>()
  let timer: NodeJS.Timeout | undefined
  const draw = () => {
    timer = undefined
    if (running.size > 0)
      update([...running.values()].map((step) => lineOf(step, stream.columns || 80)).join('\n'))
  }
  const print = (line: string) => {
    update.clear()
    stream.write(`${line}\n`)
    draw()
  }
  return (news) => {
    if (typeof news === 'string') return print(news)
    if (news.state === 'running') {
      running.set(news.step, news)
      if (!timer) timer = setTimeout(draw, everyMs).unref()
      return
    }
    running.delete(news.step)
    print(lineOf(news, stream.columns || 80))
    if (running.size === 0) update.done()
  }
}

/** The same without a terminal: a line when a step begins something, and one when it has ended. */
export function plainReport(stream: NodeJS.WritableStream): Report {
  const doing = new Map<string, string>()
  return (news) => {
    if (typeof news === 'string') return void stream.write(`${news}\n`)
    if (news.state === 'running' && doing.get(news.step) === news.text) return
    doing.set(news.step, news.text)
    stream.write(`${lineOf({ ...news, amount: undefined })}\n`)
  }
}

const signs = { running: '…', done: '✓', failed: '✗' }

function lineOf({ step, state, text, amount }: StepReport, columns = 400): string {
  return `${signs[state]} ${step}: ${text}${amount ? ` (${amount})` : ''}`.slice(0, columns)
}

/** For the stream as it is: live on a terminal, plain lines in a pipe or a file. */
export function reportTo(stream: NodeJS.WriteStream): Report {
  return stream.isTTY && process.env.TERM !== 'dumb' ? terminalReport(stream) : plainReport(stream)
}
