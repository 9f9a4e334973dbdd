/** The share of the expected words that are among the given ones, each as often; case and signs do not count. */
export function shareOfWords(expected: string, given: string): number {
  const left = wordsOf(given)
  const wanted = wordsOf(expected)
  const found = wanted.filter((word) => {
    const at = left.indexOf(word)
    if (at >= 0) left.splice(at, 1)
    return at >= 0
  })
  return found.length / wanted.length
}

const wordsOf = (text: string): string[] => text.toLowerCase().match(/[a-z]+/g) ?? []
