/// Makes the environment called `name`.
///
/// - `road`: the built-in winding road; see `Road`.
/// - `gym:ID`: the Gymnasium environment `ID`, such as `gym:CartPole-v1` or `gym:ALE/Pong-v5`; `gym:MODULE:ID` imports
///   `MODULE` first, which registers it. See `GymnasiumEnvironment`.
///
/// - Parameters:
///   - pipeline: how its picture becomes an observation.
///   - slots: episodes side by side, at least 1.
///   - patience: how long a reset or a step of all slots, or the start, may take.
///   - isStopped: is asked a few times a second, while something is waited for, whether to give up.
/// - Throws: `EnvironmentError`, for a name or pipeline that does not fit, or a Python worker that does not start.
public func makeEnvironment(
  _ name: String, pipeline: PixelPipeline, slots: Int, patience: Duration = Hosting().patience,
  unless isStopped: @escaping () -> Bool = { false }
) throws -> any Environment {
  if name == "road" { return try Road(pipeline: pipeline, slots: slots) }
  if name.hasPrefix("gym:"), name.count > 4 {
    return try GymnasiumEnvironment(
      String(name.dropFirst(4)), pipeline: pipeline, slots: slots, replyTimeout: patience, unless: isStopped)
  }
  throw EnvironmentError.unknownEnvironment(name)
}
