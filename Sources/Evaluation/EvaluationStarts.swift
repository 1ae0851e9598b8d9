import Environments
import Settings
import Spaces

/// How the episodes of an evaluation began, and how many different ones came of it.
public struct EvaluationStarts: Codable, Equatable, Sendable {
  /// Random actions before the player's first that the environment answers to: at least, at most.
  public let least: Int
  public let most: Int
  /// Random actions before these, in steps in which the environment ignores what is done, such as a game's opening
  /// tune; absent in results of versions that did not count them.
  public let ignored: Int?
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
      Begin episodes with \(most > 0 ? "more " : "")random actions: --random-steps 0:\(max(60, 2 * most))
      """
  }
}

extension EvaluationStarts: CustomStringConvertible {
  public var description: String {
    let opening = ignored.map { $0 > 0 ? " after \($0) that are ignored" : "" } ?? ""
    let starts = most > 0 ? "episodes begin with \(least) to \(most) random actions\(opening)" : ""
    let kind = isDeterministic ? "deterministic: it does the same after the same actions" : ""
    return [kind, starts].filter { !$0.isEmpty }.joined(separator: "; ")
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

  /// How many steps of an episode pass before anything that is done matters: the longest beginning in which no action
  /// changes what is seen from then on. 0 where all of `limit` steps are alike.
  /// - Parameter delay: how many steps later what was done may be seen first.
  func ignoredSteps(seed: UInt64, delay: Int = 8, limit: Int = 256) throws -> Int {
    guard let count = actions.discreteCount, count > 1 else { return 0 }
    var still: [[UInt8]] = []
    /// The first step, of so many, whose frame is another one where an action was taken in the first `held` ones.
    func difference(_ action: Int, for held: Int, within steps: Int) throws -> Int? {
      _ = try reset([0: seed])
      for index in 0..<steps {
        let outcome = try step([0: .discrete(index < held ? action : 0)])[0]!
        if index == still.count { still.append(outcome.frame) }
        if outcome.frame != still[index] { return index }
        if outcome.ended { break }
      }
      return nil
    }
    _ = try difference(0, for: 0, within: limit)
    var first = still.count - 1
    var answered: [Int] = []
    for action in 1..<count {
      guard let step = try difference(action, for: limit, within: first + 1) else { continue }
      answered = (step < first ? [] : answered) + [action]
      first = step
    }
    var (ignored, matters) = (max(first - delay, 0) - 1, first)
    guard !answered.isEmpty else { return 0 }
    // The actions before `ignored` and at it do nothing; with that at `matters` something is done.
    while matters - ignored > 1 {
      let middle = (ignored + matters) / 2
      let isSeen = try answered.contains { try difference($0, for: middle + 1, within: first + 1) != nil }
      if isSeen { matters = middle } else { ignored = middle }
    }
    return matters
  }
}
