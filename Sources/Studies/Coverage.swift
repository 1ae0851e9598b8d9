import Demonstrations
import Imitation
import Runs
import Settings
import Torch
import Training
import WorldModel

/// How many of an expert's states are like those that a world model was trained on: no further from the nearest than
/// recorded states are from those of other episodes.
public struct Coverage: Codable, Sendable {
  /// The share of the expert's states whose distance is at most `bound`.
  public let share: Double
  /// 95 % of the recorded states are at most so far from the nearest one of other episodes: 1 minus the reward of eq 8
  /// of `(h, z)`.
  public let bound: Double
  /// Medians of the distances to the nearest recorded state, of the expert's states and of the recorded ones.
  public let expertDistance, recordedDistance: Double
  /// States that take part.
  public let expertStates, recordedStates: Int

  /// The share of recorded states within the bound.
  private static let quantile = 0.95
  /// States of recordings, and of the expert, that are encoded: whole episodes, drawn until there are so many.
  private static let states = 20_000
  /// Recorded episodes are dealt into so many parts, each compared with all others; the expert's with all but the
  /// first, which are as many.
  private static let parts = 4

  /// - Parameter recordings: all that the model was trained on, episodes that it was only validated on among them.
  /// - Throws: `ExperimentError.tooFewEpisodes` for fewer than two recorded episodes; `DemonstrationError` where frames
  ///   cannot be read.
  init(
    of expert: Dataset, by recordings: [Dataset], _ model: WorldModel, seed: Seed, _ compute: Compute
  ) throws {
    let encoded = { (episodes: [(dataset: Dataset, index: Int)]) in
      let recorded = episodes.map { episode in
        ExpertEpisode(actions: episode.dataset.episodes[episode.index].actions) {
          try episode.dataset.frames(episode: episode.index, range: $0)
        }
      }
      let latents = try ExpertLatents(
        encoding: recorded, with: model, compute.precision, seed: seed.stream("encode"))
      return latents.states(0..<latents.count).features  // [N, D + S·K]
    }
    let episodes = Self.sampled(from: recordings, seed: seed.stream("recorded"))
    guard episodes.count > 1 else {
      throw ExperimentError.tooFewEpisodes(dataset: recordings[0].name, wanted: 2, found: 1)
    }
    let parts = try (0..<min(Self.parts, episodes.count)).map { part in
      try encoded(stride(from: part, to: episodes.count, by: Self.parts).map { episodes[$0] })
    }
    let distances = { (states: Tensor, part: Int) -> [Double] in
      let others = concatenated(parts.indices.filter { $0 != part }.map { parts[$0] }, axis: 0)
      let rows = nearest(states, among: others.shape[0], by: .dot) { others.sliced($0) }
      return Distance.dot(states, others.taking(rows)).values()
    }
    let recorded = parts.enumerated().flatMap { distances($1, $0) }.sorted()
    let own = distances(try encoded(Self.sampled(from: [expert], seed: seed.stream("expert"))), 0).sorted()
    let bound = Runs.quantile(Self.quantile, ofSorted: recorded)
    (self.bound, share) = (bound, Double(own.count { $0 <= bound }) / Double(own.count))
    (expertDistance, recordedDistance) = (Runs.quantile(0.5, ofSorted: own), Runs.quantile(0.5, ofSorted: recorded))
    (expertStates, recordedStates) = (own.count, recorded.count)
  }

  /// Episodes at random until there are enough states, but at least two where there are.
  private static func sampled(from datasets: [Dataset], seed: Seed) -> [(dataset: Dataset, index: Int)] {
    var generator = seed.generator
    var count = 0
    return datasets.flatMap { dataset in dataset.episodes.indices.map { (dataset, $0) } }.shuffled(using: &generator)
      .enumerated().prefix { place, episode in
        defer { count += episode.0.episodes[episode.1].frameCount }
        return count < states || place < 2
      }.map(\.element)
  }
}

extension Coverage: CustomStringConvertible {
  public var description: String {
    let number = { (value: Double) in String(format: "%.4f", value) }
    return """
      coverage: \(WorldModelStudy.percent(share)) of \(expertStates) expert states are within \(number(bound)) of \(recordedStates) that the model was trained on \
      (medians: expert \(number(expertDistance)), its own \(number(recordedDistance)))
      """
  }
}
