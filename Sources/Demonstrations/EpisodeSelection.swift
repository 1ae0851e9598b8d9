import Settings
import Spaces

/// Some episodes of a dataset.
public struct EpisodeSelection: Sendable {
  public let dataset: Dataset
  /// Their numbers, in the order in which they are taken.
  public let episodes: [Int]

  /// All episodes.
  public init(_ dataset: Dataset) {
    self.dataset = dataset
    episodes = Array(dataset.episodes.indices)
  }

  /// - Throws: `noSuchEpisode`.
  public init(_ dataset: Dataset, episodes: [Int]) throws {
    for episode in episodes { _ = try dataset.episode(episode) }
    self.dataset = dataset
    self.episodes = episodes
  }
}

extension [EpisodeSelection] {
  /// Each selected episode with its dataset.
  var allEpisodes: [(dataset: Dataset, episode: EpisodeInfo)] {
    flatMap { selection in selection.episodes.map { (selection.dataset, selection.dataset.episodes[$0]) } }
  }

  /// Hands out every frame once, the last of each episode included.
  /// - Throws: `Interrupted` after a signal, and what reading frames throws.
  func forEachFrame(_ body: (UnsafeRawBufferPointer) -> Void) throws {
    for (dataset, episode) in allEpisodes {
      try dataset.forEachFrame(episode: episode.index, range: 0..<episode.frameCount) { _, frame in
        try Dataset.goOn(dataset.name)
        body(frame)
      }
    }
  }

  /// - Throws: `nothingSelected`; `spacesDiffer` unless all datasets have the same observations and actions.
  func check() throws {
    guard let first = first?.dataset, contains(where: { !$0.episodes.isEmpty }) else {
      throw DemonstrationError.nothingSelected
    }
    for other in map(\.dataset) where other.observation != first.observation || !other.actions.fits(first.actions) {
      throw DemonstrationError.spacesDiffer(
        first: first.name, firstSpaces: first.spaces, second: other.name, secondSpaces: other.spaces)
    }
  }
}

extension Dataset {
  /// Observations and actions, for messages.
  var spaces: String { "frames of \(observation) and \(actions)" }
}

/// Divides `count` episodes at random into those to train on and those to validate on, both in ascending order.
/// - Parameter validationShare: 0 holds out none; anything above, at least one episode where there are two, and never
///   all.
public func split(episodes count: Int, validationShare: Double, seed: Seed) -> (training: [Int], validation: [Int]) {
  let wanted = validationShare > 0 ? max(1, Int((Double(count) * validationShare).rounded())) : 0
  let heldOut = max(0, min(wanted, count - 1))
  var generator = seed.generator
  let shuffled = Array(0..<count).shuffled(using: &generator)
  return (shuffled.dropFirst(heldOut).sorted(), shuffled.prefix(heldOut).sorted())
}
