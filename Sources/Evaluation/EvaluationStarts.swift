import Environments
import Settings
import Spaces

/// How the episodes of an evaluation began, and how many different ones came of it.
public struct EvaluationStarts: Codable, Equatable, Sendable {
  /// Random actions before the player's first that the environment answers to: at least, at most.
  public let least: Int
  public let most: Int
  /// Random actions before these, in steps in which the environment ignores what is done, such as a game's opening
  /// tune, after the fewest no-ops; absent where that was not asked, as in results of earlier versions.
  public let ignored: Int?
  /// Whether the environment does the same again after the same actions, whatever its seed.
  public let isDeterministic: Bool
  /// Episodes that are no repetition of another.
  public let different: Int

  /// Steps in which an environment may ignore what is done; it is not looked for in more.
  static let longestOpening = 256

  /// What to say where the returns are of fewer games than there are episodes.
  func warning(_ environment: String, episodes: Int) -> String? {
    guard 2 * different < episodes else { return nil }
    let why =
      isDeterministic ? "it is deterministic, and does the same after the same actions" : "its episodes are alike"
    return """
      \(environment): only \(different) of \(episodes) episodes were different: \(why); the interval says less than it seems to. \
      \(most > 0 ? "Where more random actions do not help, games converge: the player does the same wherever they begin" : "Begin episodes with random actions: --random-steps 0:60")
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

  /// How many steps of an episode pass before anything that is done matters, by frames, rewards and ends; 0 where it is
  /// not found.
  ///
  /// Each action is held until something differs from what the first one leads to; what is seen then may have been done
  /// earlier, which a bisection of the actions that are seen first finds. Random actions in those steps must then lead to
  /// the same as none.
  func ignoredSteps(seed: UInt64) throws -> Int {
    guard let count = actions.discreteCount, count > 1 else { return 0 }
    var still: [Outcome] = []
    func outcomes(_ steps: Int, of action: (Int) -> Action, until isEnough: (Int, Outcome) -> Bool) throws -> [Outcome]
    {
      _ = try reset([0: seed])
      var seen: [Outcome] = []
      while seen.count < steps, seen.last?.ended != true, seen.last.map({ !isEnough(seen.count - 1, $0) }) ?? true {
        seen.append(try step([0: action(seen.count)])[0]!)
      }
      return seen
    }
    /// The first of so many steps that differs where an action was taken in the first `held` ones.
    func difference(_ action: Int, for held: Int, within steps: Int) throws -> Int? {
      let seen = try outcomes(steps, of: { .discrete($0 < held ? action : 0) }) { $1 != still[$0] }
      return seen.last != still[seen.count - 1] ? seen.count - 1 : nil
    }
    still = try outcomes(EvaluationStarts.longestOpening, of: { _ in 0 }) { _, _ in false }
    var (answered, matters) = ([Int](), still.count - 1)
    for action in 1..<count where matters > 0 {
      guard let step = try difference(action, for: matters + 1, within: matters + 1) else { continue }
      answered = (step < matters ? [] : answered) + [action]
      matters = step
    }
    guard !answered.isEmpty else { return 0 }
    let seenAt = matters
    var ignored = -1
    while matters - ignored > 1 {
      let middle = (ignored + matters) / 2
      let isAnswered = try answered.contains { try difference($0, for: middle + 1, within: seenAt + 1) != nil }
      if isAnswered { matters = middle } else { ignored = middle }
    }
    var generator = Seed(seed).generator
    let tried = (0..<matters + 32).map { _ in actions.random(using: &generator) }
    let (none, random) = try (
      outcomes(tried.count, of: { $0 < matters ? 0 : tried[$0] }) { _, _ in false },
      outcomes(tried.count, of: { tried[$0] }) { _, _ in false }
    )
    return none == random ? matters : 0
  }
}
