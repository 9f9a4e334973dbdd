/** What the API takes, in UTF-16 units: file systems allow more. */
const longestName = 255
const longestLabel = 200

/** The name under which a file is kept: a name that is too long keeps its end, which shows the type. */
export function asName(name: string): string {
  if (name === '') return 'file'
  if (name.length <= longestName) return name
  const extension = /\.[^.]{1,20}$/.exec(name)?.[0] ?? ''
  return `${cut(name, longestName - extension.length - 1)}…${extension}`
}

export const asLabel = (name: string): string =>
  name.length <= longestLabel ? name : `${cut(name, longestLabel - 1)}…`

/** Never through the middle of a character that takes two units. */
const cut = (text: string, units: number): string => text.slice(0, units).replace(/[\ud800-\udbff]$/, '')
