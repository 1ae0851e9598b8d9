import Spaces

/// Mean and standard deviation of each number of some episodes' vectors.
public struct VectorStatistics: Equatable, Sendable {
  /// `[V]`.
  public let means: [Float]
  public let deviations: [Float]
  let spreads: [Spread]

  /// Reads every frame once, the last of each episode included.
  /// - Throws: `nothingSelected`, `spacesDiffer`, and what reading frames throws.
  public init(over selections: [EpisodeSelection]) throws {
    try selections.check()
    let space = selections[0].dataset.observation
    // By Welford's recurrence, which loses nothing where the mean is far from 0.
    var (count, means, squares) = (0.0, [Double](repeating: 0, count: space.vector), [Double](repeating: 0, count: space.vector))
    var (least, most) = ([Float](repeating: .infinity, count: space.vector), [Float](repeating: -.infinity, count: space.vector))
    for (dataset, episode) in selections.allEpisodes {
      try dataset.forEachFrame(episode: episode.index, range: 0..<episode.frameCount) { _, frame in
        count += 1
        for (index, number) in space.parts(of: frame).vectors.enumerated() {
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
    spreads = means.indices.map { Spread(mean: means[$0], sd: deviations[$0], min: Double(least[$0]), max: Double(most[$0])) }
  }
}
