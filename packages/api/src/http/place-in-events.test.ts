import { expect, test } from 'vitest'
import { idOfPlace, placeOf, statesBeyond, theBeginning } from './place-in-events.ts'

const history = [10, 10, 10, 20, 30, 30].map((ms, n) => ({ at: new Date(ms), n }))

test('whoever goes on from any event gets exactly those after it', () => {
  const all = [...statesBeyond(history, theBeginning)]
  expect(all.map(({ entry }) => entry.n)).toEqual([0, 1, 2, 3, 4, 5])
  all.forEach(({ place }, at) => {
    const again = placeOf(idOfPlace({ ...theBeginning, ...place }))
    expect([...statesBeyond(history, again)].map(({ entry }) => entry.n)).toEqual(
      [0, 1, 2, 3, 4, 5].slice(at + 1),
    )
  })
})

test('an id keeps all of a place, and what is no id is the beginning', () => {
  for (const place of [theBeginning, { ms: 5, same: 2, attempt: 3, line: 400, endOfRound: 2 }])
    expect(placeOf(idOfPlace(place))).toEqual(place)
  for (const id of [undefined, '', 'x', '1.2.3', '1.2.3.4.5', '-1.0.0.0', '{"$gt":""}'])
    expect(placeOf(id)).toEqual(theBeginning)
})
