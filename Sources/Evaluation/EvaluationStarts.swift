import Environments
import Settings
import Spaces

/// How the episodes of an evaluation began, and how many different ones came of it.
public struct EvaluationStarts: Codable, Equatable, Sendable {
  /// Random actions before the player's first: at least, at most.
  public let least: Int
  public let most: Int
  /// Whether the environment does the same again after the same actions, whatever its seed.
  public let isDeterministic: Bool
  /// Episodes that are no repetition of another.
  public let different: Int

  /// What to say where the returns are of fewer games than there are episodes.
  func warning(_ environment: String, episodes: Int) -> String? {
    guard 2 * different < episodes else { return nil }
    let why =
      isDeterministic ? "it is deterministic, and does the same after the same actions" : "its episodes are alike"
    return """
      \(environment): only \(different) of \(episodes) episodes were different: \(why); the interval says less than it seems to. \
      Begin episodes with random actions: --random-steps 0:60
      """
  }
}

/// The end of an episode. Two are equal where the last steps and the return were: the same game, begun some steps
/// earlier or later.
struct EpisodeEnding: Hashable {
  private static let steps = 64
  private var total = 0.0
  /// Hashes of the last steps.
  private var last: [Int] = []

  mutating func append(_ action: Action, _ outcome: Outcome) {
    total += outcome.reward
    var hasher = Hasher()
    hasher.combine(action)
    hasher.combine(outcome.reward)
    outcome.frame.withUnsafeBytes { hasher.combine(bytes: $0) }
    if last.count == Self.steps { last.removeFirst() }
    last.append(hasher.finalize())
  }
}

extension Environment {
  /// Whether episodes of two seeds go the same way under the same actions, for as long as it is tried.
  func isDeterministic(seed: UInt64, _ pipeline: PixelPipeline) throws -> Bool {
    var generator = Seed(seed).generator
    let tried = (0..<32).map { _ in actions.random(using: &generator) }
    // Of equal remainders: as many no-ops come before an Atari game's first frame.
    let seen = try [seed, seed + UInt64(max(pipeline.noopMax, 1))].map { seed in
      var frames = [try reset([0: seed])[0]!]
      for action in tried {
        let outcome = try step([0: action])[0]!
        frames.append(outcome.frame)
        if outcome.ended { break }
      }
      return frames
    }
    return seen[0] == seen[1]
  }
}
