import Settings
import Spaces

/// The built-in environment: staying on a winding road seen from above.
///
/// A camera 32 units wide moves along the road, one unit a step, and never sideways. The car sits in its row 26 and has
/// inertia: action a (0 left, 1 straight, 2 right) makes `v ← 0.6 v + 0.8 (a − 1)`, then `X ← X + v`, and the camera
/// moves on. Speed is not visible in one frame, so acting well takes memory.
///
/// Every step earns reward 1, the one that leaves the road included. An episode terminates when the car is more than
/// 4.5 units off the centre line, and is truncated after 300 steps. So the return is the number of steps. Mean of
/// seeds 0 to 399, the scripted expert's actions replaced by uniformly random ones with probability ε:
///
/// | ε | 0 | 0.1 | 0.3 | 0.5 | 1 |
/// |---|---|---|---|---|---|
/// | return | 300 | 292 | 195 | 74 | 13 |
///
/// All randomness is drawn when an episode starts, from its seed: the road, and the car's first position.
public final class Road: ScriptedExpert {
  /// Environment steps after which an episode is truncated, unless the pipeline says otherwise.
  static let stepLimit = 300

  public let observation: ObservationSpace
  public let actions: ActionSpace = .discrete(3)
  public var slots: Int { running.count }

  private let size: Int
  private let stepLimit: Int
  private var running: RunningSlots
  private var episodes: [Int: RoadEpisode] = [:]

  /// - Parameters:
  ///   - pipeline: of kind `road`, size 32 or 64. At 64 the same view is drawn at twice the resolution.
  ///   - slots: episodes side by side, at least 1.
  public init(pipeline: PixelPipeline, slots: Int) throws {
    guard pipeline.kind == .road else {
      throw EnvironmentError.wrongPipeline(environment: "road", kind: pipeline.kind, supported: [.road])
    }
    guard [32, 64].contains(pipeline.size) else {
      throw EnvironmentError.unsupportedSize(environment: "road", size: pipeline.size, supported: [32, 64])
    }
    running = try RunningSlots(slots)
    size = pipeline.size
    observation = ObservationSpace(height: size, width: size)
    stepLimit = pipeline.maxEpisodeSteps > 0 ? pipeline.maxEpisodeSteps : Self.stepLimit
  }

  public func reset(_ seeds: [Int: UInt64]) throws -> [Int: [UInt8]] {
    try running.checkExist(seeds.keys)
    let started = seeds.mapValues { RoadEpisode(seed: Seed($0)) }
    episodes.merge(started) { $1 }
    running.started(seeds.keys)
    return started.mapValues { $0.frame(size: size) }
  }

  public func step(_ actions: [Int: Action]) throws -> [Int: Outcome] {
    try running.check(actions, in: self.actions)
    var outcomes: [Int: Outcome] = [:]
    for (slot, action) in actions.mapValues({ $0.classes[0] }) {
      episodes[slot]!.step(action)
      let episode = episodes[slot]!
      outcomes[slot] = Outcome(
        frame: episode.frame(size: size), reward: 1,
        terminated: episode.isOffRoad, truncated: !episode.isOffRoad && episode.steps >= stepLimit)
    }
    running.stepped(outcomes)
    return outcomes
  }

  public func expertAction(in slot: Int) throws -> Action {
    try running.checkRunning(slot)
    return .discrete(episodes[slot]!.expertAction)
  }

  public func close() {}
}
