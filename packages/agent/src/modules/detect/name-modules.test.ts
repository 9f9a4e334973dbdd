import { Manifest } from '@millrace/shared/for-agents'
import { expect, it } from 'vitest'
import { nameModules } from './name-modules.ts'
import type { Found } from './scan-folders.ts'

const folder = (folderName: string, name: string | null): Found => ({
  folderName,
  folder: `/modules/${folderName}`,
  listing: { entries: [], changedAt: 0, stamp: '' },
  digest: folderName,
  raw: null,
  manifest: name === null ? null : Manifest.parse({ name, version: '1.0.0' }),
  fault: name === null ? 'broken' : null,
  warnings: [],
})
const named = (...found: Found[]) => nameModules(found).map((one) => [one.folderName, one.name, one.fault])

it('uses the name in the manifest', () => {
  expect(named(folder('whatever', 'faces'))).toEqual([['whatever', 'faces', null]])
})

it('gives a duplicate name to the folder with that name', () => {
  expect(named(folder('a-copy', 'faces'), folder('faces', 'faces'))).toEqual([
    [
      'a-copy',
      'a-copy',
      'faces@1.0.0 is already in the folder faces: give one of them another version or name',
    ],
    ['faces', 'faces', null],
  ])
})

it('names a broken module after its folder, never with the name of a sound module', () => {
  expect(named(folder('My Faces!', null), folder('faces', null), folder('other', 'faces'))).toEqual([
    ['other', 'faces', null],
    ['faces', 'faces-2', 'broken'],
    ['My Faces!', 'my-faces-', 'broken'],
  ])
})
