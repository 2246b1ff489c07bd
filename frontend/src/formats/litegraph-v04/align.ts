/** Aligns a list of values with a list of places by how well they fit, and keeps only what cannot be otherwise. */

/**
 * Pairs places with values in order so that the sum of the scores is greatest. Where several pairings are equally good,
 * a value that would go to different places is left out: better a default than a value that slipped.
 */
export function align<P, V>(
  places: readonly P[],
  values: readonly V[],
  score: (place: P, value: V) => number,
): Map<P, V> {
  const best = bestSums(places, values, score)
  const early = walk(places, values, score, best, true)
  const late = walk(places, values, score, best, false)
  const pairs = new Map<P, V>()
  for (const [place, value] of early) if (late.get(place) === value) pairs.set(places[place] as P, values[value] as V)
  return pairs
}

/** `sums[p][v]`: greatest sum for the places from p and the values from v on. */
function bestSums<P, V>(places: readonly P[], values: readonly V[], score: (place: P, value: V) => number): number[][] {
  const sums = Array.from({ length: places.length + 1 }, () => new Array<number>(values.length + 1).fill(0))
  for (let p = places.length - 1; p >= 0; p--) {
    for (let v = values.length - 1; v >= 0; v--) {
      const fit = score(places[p] as P, values[v] as V)
      const skipped = Math.max(at(sums, p + 1, v), at(sums, p, v + 1))
      const paired = fit > 0 ? fit + at(sums, p + 1, v + 1) : 0
      ;(sums[p] as number[])[v] = Math.max(skipped, paired)
    }
  }
  return sums
}

const at = (sums: number[][], p: number, v: number): number => sums[p]?.[v] ?? 0

/** One of the best pairings: pairing as early as possible, or as late as possible. */
function walk<P, V>(
  places: readonly P[],
  values: readonly V[],
  score: (place: P, value: V) => number,
  sums: number[][],
  early: boolean,
): Map<number, number> {
  const pairs = new Map<number, number>()
  let p = 0
  let v = 0
  while (p < places.length && v < values.length) {
    const goal = at(sums, p, v)
    const fit = score(places[p] as P, values[v] as V)
    const canPair = fit > 0 && fit + at(sums, p + 1, v + 1) === goal
    const canSkipPlace = at(sums, p + 1, v) === goal
    const canSkipValue = at(sums, p, v + 1) === goal
    if (canPair && (early || (!canSkipPlace && !canSkipValue))) pairs.set(p++, v++)
    else if (canSkipPlace) p++
    else v++
  }
  return pairs
}
