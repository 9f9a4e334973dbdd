import type { Reporter, TestModule } from 'vitest/node'
import { capabilities, type Observation } from '../../infra/fixtures/store/capability.ts'
import { storeNames } from '../../infra/fixtures/store/tested-stores.ts'

export type Observed = Observation & { passed: boolean }

/** Prints, after a run, what its tests saw of each store: a table for docs/deployment.md. */
export class CapabilityTable implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const observed = modules.flatMap((module) =>
      [...module.children.allTests()].flatMap((test) => {
        const passed = test.result().state === 'passed'
        return (test.meta().observations ?? []).map((one) => ({ ...one, passed }))
      }),
    )
    process.stdout.write(`\n${capabilityTable(observed)}\n`)
  }
}

/** Markdown, with a row for each capability. */
export function capabilityTable(observed: readonly Observed[]): string {
  const rows = capabilities.map((capability) => {
    const cells = storeNames.map((store) =>
      cellOf(observed.filter((one) => one.store === store && one.capability === capability)),
    )
    return [capability, ...cells]
  })
  const [first, ...rest] = storeNames
  return layOut([['', first, ...rest], ...rows])
}

function cellOf(observed: readonly Observed[]): string {
  if (observed.length === 0) return '–'
  if (observed.some(({ passed }) => !passed)) return 'test failed'
  return observed.every(({ value }) => value) ? 'yes' : 'no'
}

function layOut(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => (row[at] ?? '').length)))
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`
  const [head = [], ...body] = rows
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)].join('\n')
}
