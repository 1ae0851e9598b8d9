/// How some numbers are spread.
public struct Spread: Codable, Equatable, Sendable {
  public let mean: Double
  /// Of the population, that is divided by the count.
  public let sd: Double
  public let min: Double
  public let max: Double

  /// - Parameter values: at least one.
  init(_ values: [Double]) {
    let count = Double(values.count)
    let mean = values.reduce(0, +) / count
    self.mean = mean
    sd = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count).squareRoot()
    min = values.min() ?? .nan
    max = values.max() ?? .nan
  }

  public init(mean: Double, sd: Double, min: Double, max: Double) {
    self.mean = mean
    self.sd = sd
    self.min = min
    self.max = max
  }
}
