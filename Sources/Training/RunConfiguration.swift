import Demonstrations
import Environments
import Imitation
import Runs
import Settings
import Torch
import WorldModel

/// How long a trainer runs and how often it reports. Intervals count gradient steps.
public struct TrainingConfiguration: Configuration {
  public var steps = 5_000
  /// Between lines of the metrics' log.
  public var logInterval = 50
  /// Between checkpoints.
  public var checkpointInterval = 500
  /// Checkpoints that are kept, the newest ones, beside the best one: a second in case the newest is damaged.
  public var keptCheckpoints = 2
  /// Between validations on held-out episodes.
  public var validationInterval = 500

  public init() {}
  /// The defaults with some values changed.
  public init(_ change: (inout TrainingConfiguration) -> Void) { change(&self) }

  public func check(_ problems: inout Problems) {
    for (key, value) in [
      ("steps", steps), ("logInterval", logInterval), ("checkpointInterval", checkpointInterval),
      ("keptCheckpoints", keptCheckpoints),
      ("validationInterval", validationInterval),
    ] {
      problems.require(value, in: 1...1_000_000_000, key)
    }
  }
}

/// Everything that decides what a world model becomes, beside its data and seed. The defaults are the preset `small`.
public struct WorldModelConfiguration: Configuration {
  public var model = LatentSizes()
  public var loss = LossConfiguration()
  public var optimizer = OptimizerConfiguration {
    ($0.learningRate, $0.linearDecay, $0.clipNorm) = (1e-3, 0.6, 200)
  }
  public var sequences = SequenceConfiguration()
  public var observation = ObservationConfiguration()
  public var pixels = PixelConfiguration()
  public var actions = ActionConfiguration()
  /// How frames were made of the environment's picture, and will be when an agent acts. A dataset that was recorded
  /// here says it itself.
  public var pipeline = PixelPipeline(.none)
  public var training = TrainingConfiguration()

  public init() {}

  public func check(_ problems: inout Problems) {
    problems.check(model, "model")
    problems.check(loss, "loss")
    problems.check(optimizer, "optimizer")
    problems.check(sequences, "sequences")
    problems.check(observation, "observation")
    problems.check(pixels, "pixels")
    problems.check(actions, "actions")
    problems.check(pipeline, "pipeline")
    problems.check(training, "training")
  }
}

/// How expert episodes become latents.
public struct LatentsConfiguration: Configuration {
  /// How often each episode is encoded, with draws of its own. States drawn once are learned by heart.
  public var encodings = 4
  /// Whether `z` is drawn anew from the posterior at each gradient step, instead of kept as it was drawn when it was
  /// encoded.
  public var redraw = true

  public init() {}

  public func check(_ problems: inout Problems) { problems.require(encodings, in: 1...64, "encodings") }
}

/// Everything that decides what an agent becomes, beside its world model, expert episodes and seed.
public struct AgentConfiguration: Configuration {
  public var method = Method.ditto
  public var latents = LatentsConfiguration()
  /// What is learned in dreams, by `ditto` and `dgail`; the policy's sizes are every method's.
  public var imitation = ImitationConfiguration()
  /// Maximum likelihood, by `dbc`.
  public var cloning = CloningConfiguration()
  /// How actions are chosen when the agent acts, unless it is told otherwise.
  public var actions = ActionChoice.best
  /// How `z` is chosen from the posterior when the agent acts.
  public var states = StateChoice.best
  /// Which checkpoint acts, unless another is asked for.
  public var selection = Selection.last
  /// Expert episodes held out to validate on, where more are there than `--use-episodes` takes.
  public var validationEpisodes = 2
  /// Of dreams: what is loaded with the method `bc` or `dbc` makes 2000 steps where nothing else is said.
  public var training = TrainingConfiguration {
    ($0.steps, $0.checkpointInterval, $0.validationInterval) = (300, 100, 100)
  }

  public init() {}

  public func check(_ problems: inout Problems) {
    problems.check(latents, "latents")
    problems.check(imitation, "imitation")
    problems.check(cloning, "cloning")
    let weights = imitation.reward.weights
    problems.require(
      method != .dgail || weights.used.contains(where: \.kind.isAdversarial), "method",
      "is dgail, but no reward is learned by a discriminator; give gail or airl a weight, or take the method ditto")
    problems.require(validationEpisodes, in: 0...1_000_000, "validationEpisodes")
    problems.check(training, "training")
  }
}

extension AgentConfiguration {
  /// Of layers and overrides, with what the method and the rewards that they name imply.
  /// - Throws: `ConfigurationError`.
  public static func load(
    _ layers: [Preset], overrides: [String], note: (FormerSetting, String) -> Void = { _, _ in }
  ) throws -> AgentConfiguration {
    try load(.agent, from: layers, overrides: overrides, completing: withImplied, note: note)
  }

  /// What documents of versions before 0.2 could not say, as it was then.
  package static let beforeSomeSettings = Preset(
    name: "defaults before 0.2",
    yaml:
      """
      agent:
        latents: {encodings: 1, redraw: false}
        states: sampled
        cloning: {frames: 1, dropout: 0, noise: 0}
        imitation: {dreamsPerWindow: 1, sharedNoise: false, epochs: 4, warmStart: {cloningSteps: 0, criticSteps: 100}}
      """)

  /// Of the documents that a run keeps. What a version before 0.2 could not say is as it was then.
  /// - Throws: `ConfigurationError`.
  package static func stored(_ documents: [Preset]) throws -> AgentConfiguration {
    try load(
      .agent, from: [beforeSomeSettings] + documents,
      note: { former, text in
        if case .removed = former { Observer.warn(text) }
      })
  }

  /// What a method and rewards imply where no file and no override says something else: what they are made of over the
  /// built-in presets that come first, how long they take below them.
  private static func withImplied(by c: AgentConfiguration, _ layers: [Preset]) -> [Preset] {
    let weights = c.imitation.reward.weights
    let presets = layers.prefix { Presets.all.contains($0) }
    let implied = [
      // Behavioral cloning has no entropy term in the paper.
      ("method bc", c.method == .bc, "cloning: {entropyWeight: 0}"),
      (
        "method dgail", c.method == .dgail && !weights.used.contains(where: \.kind.isAdversarial),
        "imitation: {reward: {weights: {dot: 0, gail: 1}}}"
      ),
      // Brantley et al. (2020) reward agreement beside cloning, never alone.
      ("reward dril", weights[.dril] != 0, "imitation: {cloningWeight: 1}"),
    ].filter(\.1).map { Preset(name: $0.0, yaml: "agent: {\($0.2)}") }
    let steps =
      c.method.dreams
      ? []
      : [
        Preset(
          name: "methods bc and dbc",
          yaml: "agent: {training: {steps: 2000, checkpointInterval: 500, validationInterval: 500}}")
      ]
    return steps + presets + implied + layers.dropFirst(presets.count)
  }
}

extension PixelPipeline: Configuration {
  public init(_ kind: Kind, size: Int = 64) {
    self.init()
    (self.kind, self.size) = (kind, size)
  }

  /// The usual pipeline for an environment: what it shows by itself, and of Atari games what agents are usually shown.
  public init(for environment: String) {
    self =
      environment == "road" ? .init(.road, size: 32) : environment.hasPrefix("gym:ALE/") ? .init(.atari) : .init(.none)
  }

  public func check(_ problems: inout Problems) {
    problems.require(size >= 1, "size", "is \(size), must be at least 1")
    problems.require(
      crop.count == 4 && crop.allSatisfy { $0 >= 0 }, "crop",
      "is \(crop), must be [top, bottom, left, right], none negative")
    problems.require(frameSkip >= 1, "frameSkip", "is \(frameSkip), must be at least 1")
    problems.require(noopMax >= 0, "noopMax", "is \(noopMax), must not be negative")
    problems.require((0...1).contains(stickyActions), "stickyActions", "is \(stickyActions), must be from 0 to 1")
    problems.require(maxEpisodeSteps >= 0, "maxEpisodeSteps", "is \(maxEpisodeSteps), must not be negative")
    problems.require(
      randomSteps.isEmpty || (randomSteps.count == 2 && 0 <= randomSteps[0] && randomSteps[0] <= randomSteps[1]),
      "randomSteps",
      "is \(randomSteps), must be [least, most], or [] for what is usual")
  }
}

/// The built-in presets.
public enum Presets {
  public static let all: [Preset] = [
    ("small", PackageResources.small_yaml), ("tiny", PackageResources.tiny_yaml),
    ("paper", PackageResources.paper_yaml),
    ("authors", PackageResources.authors_yaml), ("road", PackageResources.road_yaml),
    ("cartpole", PackageResources.cartpole_yaml),
    ("lunarlander", PackageResources.lunarlander_yaml), ("pong", PackageResources.pong_yaml),
    ("breakout", PackageResources.breakout_yaml),
    ("atari", PackageResources.atari_yaml), ("pendulum", PackageResources.pendulum_yaml),
    ("scratch", PackageResources.scratch_yaml), ("carracing", PackageResources.carracing_yaml),
    ("minigrid", PackageResources.minigrid_yaml),
  ].map { Preset(name: $0.0, yaml: String(decoding: $0.1, as: UTF8.self)) }

  public static var names: [String] { all.map(\.name) }

  /// The layers that the words of `--config` mean, in their order.
  /// - Throws: `ConfigurationError`.
  public static func layers(_ words: [String]) throws -> [Preset] { try words.map { try Preset.named($0, among: all) } }
}
