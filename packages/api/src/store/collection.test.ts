import { type BulkWriteResult, MongoBulkWriteError, MongoNetworkError, MongoServerError } from 'mongodb'
import { expect, test } from 'vitest'
import { isDatabaseAway } from './collection.ts'

/** As the driver reports what went wrong with a write of several documents. */
const ofMany = (error: ConstructorParameters<typeof MongoBulkWriteError>[0]) =>
  new MongoBulkWriteError(error, {} as BulkWriteResult)

test.each([
  ['a cut connection', new MongoNetworkError('read ECONNRESET'), true],
  ['the same while several documents are written', ofMany(new MongoNetworkError('read ECONNRESET')), true],
  ['a duplicate', new MongoServerError({ message: 'E11000', code: 11000 }), false],
  ['a duplicate among several', ofMany({ message: 'E11000', code: 11000, writeErrors: [] }), false],
  ['a primary that stepped down', new MongoServerError({ message: 'stepped down', code: 189 }), true],
  ['a secondary', new MongoServerError({ message: 'not primary', code: 10107 }), true],
  [
    'a member that ends, while several are written',
    ofMany({ message: 'ends', code: 11600, writeErrors: [] }),
    true,
  ],
  ['our own mistake', new TypeError('x is not a function'), false],
])('%s: away %#', (_, error, away) => {
  expect(isDatabaseAway(error)).toBe(away)
})
