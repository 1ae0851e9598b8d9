import Spaces

/// Mean and standard deviation of each number of some episodes' vectors.
public struct VectorStatistics: Equatable, Sendable {
  /// `[V]`.
  public let means: [Float]
  public let deviations: [Float]
  /// Of those that are finite; 0 where none is.
  let spreads: [Spread]
  /// The share of all numbers that are not finite, where the dataset hands those out.
  let notFinite: Double

  /// Reads every frame once, the last of each episode included.
  /// - Throws: `nothingSelected`, `spacesDiffer`, and what reading frames throws.
  /// - Parameter field: its place among what is seen.
  public init(over selections: [EpisodeSelection], field: Int = 0) throws {
    try selections.check()
    let space = selections[0].dataset.observation
    let size = space.fields[field].size / MemoryLayout<Float>.size
    // By Welford's recurrence, which loses nothing where the mean is far from 0.
    var (counts, means, squares) = (
      [Double](repeating: 0, count: size), [Double](repeating: 0, count: size), [Double](repeating: 0, count: size)
    )
    var frames = 0
    var (least, most) = ([Float](repeating: .infinity, count: size), [Float](repeating: -.infinity, count: size))
    try selections.forEachFrame { frame in
      frames += 1
      for (index, number) in space.numbers(of: field, in: frame).enumerated() where EpisodeReader.isMeasured(number) {
        counts[index] += 1
        let difference = Double(number) - means[index]
        means[index] += difference / counts[index]
        squares[index] += difference * (Double(number) - means[index])
        (least[index], most[index]) = (min(least[index], number), max(most[index], number))
      }
    }
    self.means = means.map(Float.init)
    let deviations = zip(squares, counts).map { ($0 / max($1, 1)).squareRoot() }
    self.deviations = deviations.map(Float.init)
    spreads = means.indices.map {
      counts[$0] == 0
        ? Spread(mean: 0, sd: 0, min: 0, max: 0)
        : Spread(mean: means[$0], sd: deviations[$0], min: Double(least[$0]), max: Double(most[$0]))
    }
    let numbers = Double(max(1, frames * size))
    notFinite = (numbers - counts.reduce(0, +)) / numbers
  }
}
