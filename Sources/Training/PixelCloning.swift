import Demonstrations
import Imitation
import Settings
import Torch
import WorldModel

extension SequenceTrainer {
  /// Sequences that validation measures on.
  private static let validationBatch = 1024

  /// Clones an expert from its successive frames.
  convenience init(
    cloning dataset: Dataset, _ world: WorldModelConfiguration, _ configuration: AgentConfiguration,
    _ details: RunMetadata, seed: Seed
  ) throws {
    let (c, frames) = (configuration.cloning, configuration.cloning.frames)
    try MemoryNeed.require(
      MemoryNeed.bytes(ofBatches: 2 * Double(c.batch), details.observation),
      for: "a batch of \(c.batch) pairs of frames, with those read ahead,", smaller: "cloning.batch")
    let expert = try EpisodeSelection(dataset, episodes: Array(0..<details.useEpisodes))
    let policy = PixelPolicy(
      details.observation, frames: frames, depth: world.model.depth, actions: details.actions,
      configuration.imitation.policy, using: RandomSource(seed.stream("policy"), on: details.device))
    let cloner = BC(
      policy, try Normalizer(over: [expert], world.pixels, on: details.device), c, details.precision)
    let sampler = try SequenceSampler(
      [expert], batch: c.batch, length: frames + 1, sampling: .frames, seed: seed.stream("pairs"))
    let others = Array(
      details.useEpisodes..<min(details.useEpisodes + configuration.validationEpisodes, dataset.episodes.count))
    guard !others.isEmpty || configuration.selection != .offline else {
      throw ExperimentError.nothingHeldOut(dataset.name)
    }
    if let first = others.first { try dataset.warnOfCopies(in: first..<first + others.count, of: 0..<first) }
    let heldOut =
      others.isEmpty
      ? nil
      : try SequenceSampler(
        [EpisodeSelection(dataset, episodes: others)], batch: Self.validationBatch, length: frames + 1,
        sampling: .frames, seed: seed.stream("validation")
      ).batch(step: 0)
    self.init(
      cloner, sampler, steps: configuration.training.steps, draws: seed.stream("dropout"), on: details.device,
      validated: { heldOut.map(cloner.validate) ?? [:] })
  }
}
