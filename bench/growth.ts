// How a cost grows: least squares over the logarithms.

export interface Growth {
  /** `power`: cost = a * size^b; `exponential`: cost = a * b^size. */
  readonly kind: 'power' | 'exponential'
  readonly a: number
  readonly b: number
  /** Part of the logarithms' variance that this explains. */
  readonly r2: number
}

function line(points: ReadonlyArray<readonly [number, number]>): { slope: number; base: number; r2: number } {
  const n = points.length
  const mx = points.reduce((s, p) => s + p[0], 0) / n
  const my = points.reduce((s, p) => s + p[1], 0) / n
  let [xx, xy, yy] = [0, 0, 0]
  for (const [x, y] of points) {
    xx += (x - mx) ** 2
    xy += (x - mx) * (y - my)
    yy += (y - my) ** 2
  }
  const slope = xx === 0 ? 0 : xy / xx
  // A cost that does not change is explained whole.
  return { slope, base: my - slope * mx, r2: yy < 1e-12 ? 1 : xy ** 2 / (xx * yy) }
}

/** The better of a power and an exponential; sizes and costs are greater than 0. */
export function growth(points: ReadonlyArray<readonly [size: number, cost: number]>): Growth {
  const power = line(points.map(([x, y]) => [Math.log(x), Math.log(y)]))
  const exponential = line(points.map(([x, y]) => [x, Math.log(y)]))
  return power.r2 >= exponential.r2
    ? { kind: 'power', a: Math.exp(power.base), b: power.slope, r2: power.r2 }
    : { kind: 'exponential', a: Math.exp(exponential.base), b: Math.exp(exponential.slope), r2: exponential.r2 }
}
