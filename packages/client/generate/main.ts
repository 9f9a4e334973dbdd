import { writeFile } from 'node:fs/promises'
import { contractFile, contractSource } from './contract-source.ts'

/** `npm run types`: writes the client's types again, after a change of the contract. */
await writeFile(contractFile, contractSource())
