import { expect, test } from 'vitest'
import { databaseIn, openStore } from './store.ts'

test.each([
  ['mongodb://127.0.0.1:27017/things', 'things'],
  ['mongodb://127.0.0.1:27017', 'millrace'],
  ['mongodb://127.0.0.1:27017/', 'millrace'],
  ['mongodb://a:1,b:2,c:3/things?replicaSet=rs', 'things'],
  ['mongodb://user:p%2Fss@a:1,b:2/?replicaSet=rs', 'millrace'],
  ['mongodb+srv://cluster.example/things?w=majority', 'things'],
])('%s holds the database %s', (url, name) => {
  expect(databaseIn(url)).toBe(name)
})

test('a URL may name every member of a replica set', async () => {
  const store = openStore(
    'mongodb://127.0.0.1:1,127.0.0.1:2/things?replicaSet=rs&serverSelectionTimeoutMS=50',
  )
  await expect(store.ping()).rejects.toThrow()
  await store.close()
})
