import Spaces

/// An episode of `T` steps as it is handed to a `DatasetWriter`.
public struct RecordedEpisode: Sendable {
  /// `T + 1` frames, one after the other.
  public var frames: [UInt8]
  /// `[T]`, the action taken **at** each frame but the last, numbers within the bounds of their space.
  public var actions: [Action]
  /// `[T]`, what each action brought.
  public var rewards: [Double]
  public var terminated: Bool
  public var truncated: Bool
  /// What the environment was reset with.
  public var seed: UInt64?
  /// What else there is to say about it, such as `policy_epsilon`.
  public var attributes: [String: Double]

  public init(
    frames: [UInt8], actions: [Action], rewards: [Double], terminated: Bool, truncated: Bool, seed: UInt64? = nil,
    attributes: [String: Double] = [:]
  ) {
    self.frames = frames
    self.actions = actions
    self.rewards = rewards
    self.terminated = terminated
    self.truncated = truncated
    self.seed = seed
    self.attributes = attributes
  }
}

extension RecordedEpisode {
  /// Checks shapes and values; `name` is what the episode will be called in `file`.
  func check(_ observation: ObservationSpace, _ space: ActionSpace, file: String, name: String) throws {
    guard !actions.isEmpty else { throw DemonstrationError.emptyEpisode(file: file, field: name) }
    guard frames.count == (actions.count + 1) * observation.frameSize else {
      throw DemonstrationError.wrongShape(
        file: file, field: "\(name)/observations", found: [frames.count],
        expected: [actions.count + 1, observation.frameSize])
    }
    guard rewards.count == actions.count else {
      throw DemonstrationError.wrongShape(
        file: file, field: "\(name)/rewards", found: [rewards.count], expected: [actions.count])
    }
    if let step = actions.firstIndex(where: { !space.contains($0) }) {
      throw DemonstrationError.wrongAction(
        file: file, field: "\(name)/actions", step: step, action: actions[step], actions: space)
    }
    if let step = rewards.firstIndex(where: { !$0.isFinite }) {
      throw DemonstrationError.notFinite(file: file, field: "\(name)/rewards", step: step)
    }
    if let wrong = observation.firstWrong(in: frames) {
      let field = observation.isSingle ? "" : "/\(observation.fields[wrong.field].name)"
      throw DemonstrationError.notFinite(file: file, field: "\(name)/observations\(field)", step: wrong.frame)
    }
  }
}
