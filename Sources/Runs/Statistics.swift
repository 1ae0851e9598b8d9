import Foundation
import Settings

/// What some measurements, such as the returns of an evaluation's episodes, say about their mean.
public struct Summary: Codable, Equatable, Sendable {
  public let count: Int
  public let mean: Double
  /// Standard deviation of the mean; nil for a single measurement.
  public let standardError: Double?
  /// Bounds of the 95% percentile bootstrap interval of the mean; nil for a single measurement.
  public let low: Double?
  public let high: Double?

  /// - Parameters:
  ///   - samples: independent measurements, at least one.
  ///   - seed: of the 10,000 resamples.
  public init(of samples: [Double], seed: Seed) {
    count = samples.count
    mean = samples.mean
    guard samples.count > 1 else {
      (standardError, low, high) = (nil, nil, nil)
      return
    }
    standardError = (samples.variance / Double(samples.count)).squareRoot()
    var generator = seed.stream("bootstrap").generator
    let means = (0..<10_000).map { _ in
      (0..<samples.count).reduce(0) { sum, _ in sum + samples[Int.random(in: 0..<samples.count, using: &generator)] }
        / Double(samples.count)
    }.sorted()
    low = quantile(0.025, ofSorted: means)
    high = quantile(0.975, ofSorted: means)
  }
}

/// The probability of a difference between the means of `a` and `b` at least as large as the one seen, if there is
/// none: Welch's two-sided t-test. Nil with fewer than two measurements on either side, and where neither varies:
/// nothing then says how much they might.
public func welchTest(_ a: [Double], _ b: [Double]) -> Double? {
  guard a.count > 1, b.count > 1 else { return nil }
  let va = a.variance / Double(a.count), vb = b.variance / Double(b.count)
  guard va + vb > 0 else { return nil }
  let t = (a.mean - b.mean) / (va + vb).squareRoot()
  // Welch–Satterthwaite degrees of freedom.
  let freedom = (va + vb) * (va + vb) / (va * va / Double(a.count - 1) + vb * vb / Double(b.count - 1))
  return incompleteBeta(freedom / (freedom + t * t), freedom / 2, 0.5)
}

extension [Double] {
  package var mean: Double { reduce(0, +) / Double(count) }

  /// The unbiased one, from at least two.
  package var variance: Double {
    let mean = mean
    return reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count - 1)
  }
}

/// The value below which a share `q` of `values` lies, interpolated between neighbours.
package func quantile(_ q: Double, ofSorted values: [Double]) -> Double {
  let position = q * Double(values.count - 1)
  let lower = Int(position)
  let upper = min(lower + 1, values.count - 1)
  return values[lower] + (position - Double(lower)) * (values[upper] - values[lower])
}

/// Spearman's: how well one order of measurements is the other's, from −1 to 1; nil where either has none, being
/// constant.
package func rankCorrelation(_ a: [Double], _ b: [Double]) -> Double? {
  let (x, y) = (ranks(a), ranks(b))
  let (mx, my) = (x.mean, y.mean)
  let products = zip(x, y).reduce(0) { $0 + ($1.0 - mx) * ($1.1 - my) }
  let norm = (x.reduce(0) { $0 + ($1 - mx) * ($1 - mx) } * y.reduce(0) { $0 + ($1 - my) * ($1 - my) }).squareRoot()
  return norm > 0 ? products / norm : nil
}

/// From 0; equals share the mean of their places.
private func ranks(_ values: [Double]) -> [Double] {
  values.map { value in Double(values.count { $0 < value }) + Double(values.count { $0 == value } - 1) / 2 }
}

/// The regularised incomplete beta function `I_x(a, b)`, by its continued fraction (Numerical Recipes, section 6.4).
func incompleteBeta(_ x: Double, _ a: Double, _ b: Double) -> Double {
  if x <= 0 { return 0 }
  if x >= 1 { return 1 }
  let front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x))
  // The fraction converges fast on this side of the mean; the other follows by symmetry.
  return x < (a + 1) / (a + b + 2) ? front * betaFraction(x, a, b) / a : 1 - front * betaFraction(1 - x, b, a) / b
}

/// The continued fraction of the incomplete beta function, evaluated from the front (Lentz).
private func betaFraction(_ x: Double, _ a: Double, _ b: Double) -> Double {
  let tiny = 1e-300
  func nonzero(_ value: Double) -> Double { abs(value) < tiny ? tiny : value }
  var c = 1.0
  var d = 1 / nonzero(1 - (a + b) * x / (a + 1))
  var result = d
  for m in 1...500 {
    let m = Double(m)
    let even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
    d = 1 / nonzero(1 + even * d)
    c = nonzero(1 + even / c)
    result *= d * c
    let odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
    d = 1 / nonzero(1 + odd * d)
    c = nonzero(1 + odd / c)
    result *= d * c
    if abs(d * c - 1) < 1e-15 { break }
  }
  return result
}
