export { hasCode, ifExists } from './if-exists.ts'
export { type Holder, holderOf, type Lock, takeLock } from './lock-file.ts'
export { writeAtomically } from './write-atomically.ts'
