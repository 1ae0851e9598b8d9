import Spaces

/// All that is known about a recorded episode of `T` steps but its `T + 1` frames.
///
/// `actions[t]` is taken **at** frame `t` and leads to frame `t + 1`, with `rewards[t]`.
public struct EpisodeInfo: Equatable, Sendable {
  /// Its number in the dataset, from 0.
  public let index: Int
  /// `[T]`; numbers are scaled to −1…1 within the bounds of their space.
  public let actions: [Action]
  /// `[T]`, as recorded: neither clipped nor discounted.
  public let rewards: [Double]
  /// Whether the environment ended it.
  public let terminated: Bool
  /// Whether it was cut off, say by a time limit.
  public let truncated: Bool
  /// What the environment was reset with, where that is known.
  public let seed: UInt64?

  /// Steps, `T`.
  public var length: Int { actions.count }
  public var frameCount: Int { actions.count + 1 }
  /// The undiscounted sum of rewards.
  public var `return`: Double { rewards.reduce(0, +) }
}

extension [Action] {
  /// Of an episode's actions `[T]` the one that led **to** frame `t`, which is what a world model consumes with it: nil
  /// at the first, where there is none.
  ///
  /// The only place where "taken at" becomes "led to".
  public func leading(to t: Int) -> Action? { t == 0 ? nil : self[t - 1] }
}
