// Tail probabilities: how likely it is that chance alone brings as much as was seen. Used by every pattern.

/** P(X >= k) for X binomial with `n` trials of probability `q`. */
export function binomialTail(n: number, k: number, q: number): number {
  if (k <= 0) return 1
  if (k > n || q <= 0) return 0
  if (q >= 1) return 1
  // Summed upwards from P(X = k): the terms past the mean fall fast, and those before it are summed from the other side.
  if (k <= n * q) return Math.max(0, 1 - lowerSum(n, k - 1, q))
  let term = Math.exp(logChoose(n, k) + k * Math.log(q) + (n - k) * Math.log1p(-q))
  let sum = 0
  for (let i = k; i <= n && term > sum * 1e-12; i++) {
    sum += term
    term *= ((n - i) / (i + 1)) * (q / (1 - q))
  }
  return Math.min(1, sum)
}

/** P(X >= k) for X Poisson with the given mean. */
export function poissonTail(k: number, mean: number): number {
  if (k <= 0) return 1
  if (mean <= 0) return 0
  if (k <= mean) {
    let term = Math.exp(-mean)
    let below = 0
    for (let i = 0; i < k; i++) {
      below += term
      term *= mean / (i + 1)
    }
    return Math.max(0, 1 - below)
  }
  let term = Math.exp(k * Math.log(mean) - mean - logFactorial(k))
  let sum = 0
  for (let i = k; term > sum * 1e-12; i++) {
    sum += term
    term *= mean / (i + 1)
  }
  return Math.min(1, sum)
}

/** The probability that at least one event of a Poisson process falls into `span`; both in the same unit of time. */
export function atLeastOne(ratePerMs: number, spanMs: number): number {
  return -Math.expm1(-Math.max(0, ratePerMs * spanMs))
}

/** Bonferroni's correction: the chance that any of `tests` tests would come out as extreme as this one. */
export function corrected(chance: number, tests: number): number {
  return Math.min(1, chance * Math.max(1, tests))
}

function lowerSum(n: number, k: number, q: number): number {
  let term = Math.exp(n * Math.log1p(-q))
  let sum = 0
  for (let i = 0; i <= k; i++) {
    sum += term
    term *= ((n - i) / (i + 1)) * (q / (1 - q))
  }
  return sum
}

function logChoose(n: number, k: number): number {
  return logFactorial(n) - logFactorial(k) - logFactorial(n - k)
}

/** ln n! of small ones. */
const logFactorials = new Float64Array(256)
for (let n = 2; n < logFactorials.length; n++) logFactorials[n] = logFactorials[n - 1]! + Math.log(n)

/** ln n!, by Stirling's series beyond the small ones. */
function logFactorial(n: number): number {
  if (n < logFactorials.length) return logFactorials[n]!
  const x = n + 1
  return (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + 1 / (12 * x) - 1 / (360 * x ** 3) + 1 / (1260 * x ** 5)
}
