import Spaces

/// A task seen through pixels or numbers, with several episodes side by side, each in its own slot.
///
/// A slot runs one episode at a time, and its episode depends on nothing but its seed and the actions taken in it: not
/// on other slots, and not on what the slot ran before. Each call names the slots it means by their index in
/// `0..<slots`.
public protocol Environment: AnyObject {
  /// How many episodes run side by side.
  var slots: Int { get }
  /// What every frame is.
  var observation: ObservationSpace { get }
  var actions: ActionSpace { get }

  /// Starts an episode in each named slot, whether or not the one before has ended.
  /// - Parameter seeds: what the episode's randomness starts from, by slot.
  /// - Returns: each episode's first frame, by slot.
  /// - Throws: `EnvironmentError`, for a slot that does not exist or an environment that failed.
  func reset(_ seeds: [Int: UInt64]) throws -> [Int: [UInt8]]

  /// The action that is taken where another one is asked for: within bounds, and whole where only whole numbers are
  /// taken.
  func nearest(to action: Action) -> Action

  /// Takes one step in each named slot.
  /// - Parameter actions: by slot; each of these slots has an episode that has not ended.
  /// - Throws: `EnvironmentError`, for a slot without a running episode, an action that does not exist (both before any
  ///   slot has moved), or an environment that failed.
  func step(_ actions: [Int: Action]) throws -> [Int: Outcome]

  /// Frees what the environment holds; it cannot be used afterwards.
  func close()
}

extension Environment {
  public func nearest(to action: Action) -> Action { actions.clipped(action) }
}

/// An environment that knows how to act in itself.
public protocol ScriptedExpert: Environment {
  /// What the expert does next in `slot`.
  /// - Throws: `EnvironmentError`, for a slot without a running episode.
  func expertAction(in slot: Int) throws -> Action
}

/// What one step led to.
public struct Outcome: Equatable, Sendable {
  /// What is seen after the step.
  public let frame: [UInt8]
  /// The reward of the step, raw: neither clipped nor scaled.
  public let reward: Double
  /// The episode ended by itself.
  public let terminated: Bool
  /// The episode was cut off, by a time limit.
  public let truncated: Bool

  public init(frame: [UInt8], reward: Double, terminated: Bool, truncated: Bool) {
    self.frame = frame
    self.reward = reward
    self.terminated = terminated
    self.truncated = truncated
  }

  /// No further step can be taken.
  public var ended: Bool { terminated || truncated }
}
