import Demonstrations
import Environments
import Foundation
import Runs
import Settings
import Spaces
import Training

/// Plays episodes in an environment and writes them down as a dataset.
public struct Recording {
  public var environment: String
  public var pipeline: PixelPipeline
  public var episodes: Int
  /// Probabilities of a uniformly random action instead of the player's; the episodes take them in turn.
  public var epsilons: [Double]
  public var seed: UInt64
  public var hosting = Hosting()

  public init(environment: String, pipeline: PixelPipeline, episodes: Int, epsilons: [Double], seed: UInt64) {
    (self.environment, self.pipeline, self.episodes, self.epsilons, self.seed) = (
      environment, pipeline, episodes, epsilons, seed
    )
  }

  /// Episodes side by side.
  private static let slots = 8

  /// - Throws: `DemonstrationError` for an output that exists or cannot be written; what the environment throws.
  ///   Nothing is left then.
  public func run(_ player: Player, named name: String, to folder: URL) throws {
    let made = try player.environment(environment, pipeline: pipeline, slots: min(Self.slots, episodes), hosting)
    defer { made.close() }
    let pixels = try JSONDecoder().decode(JSONValue.self, from: JSONEncoder().encode(pipeline))
    let writer = try DatasetWriter(
      at: folder, observation: made.observation, actions: made.actions,
      metadata: [
        PixelPipeline.metadataKey: pixels, "ditto_environment": .string(environment), "ditto_policy": .string(name),
        "ditto_version": .string(Build.version),
        "ditto_seed": .string(String(seed)),
      ])
    let progress = ProgressMeter("recording", total: episodes, unit: "episodes")
    var played = EpisodePlayer(
      environment: made, name: environment, player: player, environmentSeed: { EpisodeSeeds.recording(seed, $0) },
      seed: Seed(seed).stream("record"),
      epsilon: { epsilons[$0 % epsilons.count] }, keepsFrames: { _ in true })
    if pipeline.maxEpisodeSteps > 0 { played.longest = pipeline.maxEpisodeSteps }
    try played.play(episodes, stopped: "\(folder.path): the recording was stopped; nothing was written") { episode in
      try writer.append(
        RecordedEpisode(
          frames: episode.frames, actions: episode.actions, rewards: episode.rewards, terminated: episode.terminated,
          truncated: !episode.terminated, seed: episode.seed,
          attributes: ["policy_epsilon": epsilons[episode.index % epsilons.count]]))
      progress.update(episode.index + 1)
    }
    try writer.finish()
  }
}
