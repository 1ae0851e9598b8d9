import Configuration
import Environments
import Imitation
import Torch
import WorldModel

/// How long a trainer runs and how often it reports. Everything counts gradient steps.
public struct TrainingConfiguration: Configuration {
  public var steps = 5_000
  /// Between lines of the metrics' log.
  public var logInterval = 50
  /// Between checkpoints.
  public var checkpointInterval = 500
  /// Between validations on held-out episodes.
  public var validationInterval = 500

  public init() {}

  public func check(_ problems: inout Problems) {
    for (key, value) in [
      ("steps", steps), ("logInterval", logInterval), ("checkpointInterval", checkpointInterval), ("validationInterval", validationInterval),
    ] {
      problems.require(value >= 1, key, "is \(value), must be at least 1")
    }
  }
}

/// Everything that decides what a world model becomes, beside its data and seed. The defaults are the preset `small`.
public struct WorldModelConfiguration: Configuration {
  public var model = LatentSizes()
  public var loss = LossConfiguration()
  public var optimizer = OptimizerConfiguration(clipNorm: 200)
  public var sequences = SequenceConfiguration()
  public var pixels = PixelConfiguration()
  /// How frames were made of the environment's picture, and will be when an agent acts.
  public var pipeline = PixelPipeline()
  public var training = TrainingConfiguration()

  public init() {}

  public func check(_ problems: inout Problems) {
    problems.check(model, "model")
    problems.check(loss, "loss")
    problems.check(optimizer, "optimizer")
    problems.check(sequences, "sequences")
    problems.check(pixels, "pixels")
    problems.check(pipeline, "pipeline")
    problems.check(training, "training")
  }
}

/// Everything that decides what an agent becomes, beside its world model, expert episodes and seed.
public struct AgentConfiguration: Configuration {
  public var imitation = ImitationConfiguration()
  public var training = TrainingConfiguration()

  public init() {}

  public func check(_ problems: inout Problems) {
    problems.check(imitation, "imitation")
    problems.check(training, "training")
  }
}
