import { inexactNumberFault, isInexactNumber } from '@millrace/shared/for-agents'
import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument, visit } from 'yaml'

export type Path = (string | number)[]
/** A remark about one place of the file: `workers[1].timeout` in line 12. */
export type Remark = { line: number; place: string; message: string }
export type Yaml = { value: unknown; remark(path: Path, message: string): Remark }

/** Reads YAML, including JSON; later remarks about the value get their line. */
export function readYaml(text: string): Yaml | { faults: Remark[] } {
  const counter = new LineCounter()
  const lineAt = (offset: number) => counter.linePos(offset).line
  const document = parseDocument(text, { lineCounter: counter, merge: true })
  const faults = [
    ...document.errors.map(({ pos, message }) => said(pos[0], message)),
    ...undefinedAliases(),
    ...changedNumbers(),
  ]
  if (faults.length > 0) return { faults }
  return {
    value: document.toJS({ maxAliasCount: -1 }),
    remark: (path, message) => ({ line: lineAt(offsetOf(document, path)), place: placeOf(path), message }),
  }

  function said(offset: number, message: string): Remark {
    return { line: lineAt(offset), place: '', message: message.split(/ at line \d+|\n/)[0] ?? message }
  }

  function changedNumbers(): Remark[] {
    const found: Remark[] = []
    visit(document, {
      Scalar(_, { value, source = '', range }) {
        if (
          typeof value === 'number' &&
          /^[-+]?\d/.test(source) &&
          isInexactNumber(value, source.replace(/^\+/, ''))
        )
          found.push(said(range?.[0] ?? 0, inexactNumberFault(source)))
      },
    })
    return found
  }

  function undefinedAliases(): Remark[] {
    const found: Remark[] = []
    visit(document, {
      Alias(_, alias) {
        if (!alias.resolve(document))
          found.push(said(alias.range?.[0] ?? 0, `*${alias.source} is not defined`))
      },
    })
    return found
  }
}

/** `workers[1].task_types[0]` */
export const placeOf = (path: Path): string =>
  path.map((key, at) => (typeof key === 'number' ? `[${key}]` : at === 0 ? key : `.${key}`)).join('')

/** Where an entry begins; for a missing one, its parent. */
function offsetOf(document: Document, path: Path): number {
  const holder = document.getIn(path.slice(0, -1), true)
  const key = isMap(holder)
    ? holder.items.map((pair) => pair.key).find((one) => isScalar(one) && String(one.value) === path.at(-1))
    : undefined
  const node = key ?? document.getIn(path, true)
  if (isNode(node) && node.range) return node.range[0]
  return path.length === 0 ? 0 : offsetOf(document, path.slice(0, -1))
}
