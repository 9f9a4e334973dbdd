import { expect, test } from 'vitest'
import { Stop, type StopReason } from './stop.ts'

test('the first reason stands; listeners also get the later ones', () => {
  const stop = new Stop()
  const heard: StopReason[] = []
  stop.subscribe((reason) => heard.push(reason))
  expect([stop.reason, stop.signal.aborted]).toEqual([null, false])
  stop.request('cancelled')
  stop.request('shutdown')
  expect([stop.reason, stop.signal.reason, heard]).toEqual([
    'cancelled',
    'cancelled',
    ['cancelled', 'shutdown'],
  ])
})

test('a late listener gets the first reason and the last', () => {
  const stop = new Stop()
  stop.request('cancelled')
  stop.request('shutdown')
  const heard: StopReason[] = []
  const unsubscribe = stop.subscribe((reason) => heard.push(reason))
  expect(heard).toEqual(['cancelled', 'shutdown'])
  unsubscribe()
  stop.request('superseded')
  expect(heard).toHaveLength(2)
})
