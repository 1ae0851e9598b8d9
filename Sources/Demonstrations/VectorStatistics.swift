import Spaces

/// Mean and standard deviation of each number of some episodes' vectors.
public struct VectorStatistics: Equatable, Sendable {
  /// `[V]`.
  public let means: [Float]
  public let deviations: [Float]
  let spreads: [Spread]

  /// Reads every frame once, the last of each episode included.
  /// - Throws: `nothingSelected`, `spacesDiffer`, and what reading frames throws.
  /// - Parameter field: its place among what is seen.
  public init(over selections: [EpisodeSelection], field: Int = 0) throws {
    try selections.check()
    let space = selections[0].dataset.observation
    let size = space.fields[field].size / MemoryLayout<Float>.size
    // By Welford's recurrence, which loses nothing where the mean is far from 0.
    var (count, means, squares) = (0.0, [Double](repeating: 0, count: size), [Double](repeating: 0, count: size))
    var (least, most) = ([Float](repeating: .infinity, count: size), [Float](repeating: -.infinity, count: size))
    for (dataset, episode) in selections.allEpisodes {
      try dataset.forEachFrame(episode: episode.index, range: 0..<episode.frameCount) { _, frame in
        count += 1
        for (index, number) in space.numbers(of: field, in: frame).enumerated() {
          let difference = Double(number) - means[index]
          means[index] += difference / count
          squares[index] += difference * (Double(number) - means[index])
          (least[index], most[index]) = (min(least[index], number), max(most[index], number))
        }
      }
    }
    self.means = means.map(Float.init)
    let deviations = squares.map { ($0 / max(count, 1)).squareRoot() }
    self.deviations = deviations.map(Float.init)
    spreads = means.indices.map {
      Spread(mean: means[$0], sd: deviations[$0], min: Double(least[$0]), max: Double(most[$0]))
    }
  }
}
