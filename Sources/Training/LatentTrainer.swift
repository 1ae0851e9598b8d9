import Demonstrations
import Foundation
import Imitation
import Runs
import Settings
import Torch
import WorldModel

/// Drives a learner of any method with the expert's latents.
final class LatentTrainer: Trainer {
  private let latentLearner: any LatentLearner
  /// A learner of dreams that begins as a clone, and how long that is cloned; nil for others.
  private let warmStart: (learner: DITTO, cloner: DBC, steps: Int)?
  private let validation: AgentValidation?
  private let steps: Int
  private let folder: String
  let fittingSeconds: Double

  /// - Throws: `Interrupted` after a signal while rewards are fitted.
  /// - Parameter datasets: the expert's, and others in whose states dreams begin.
  init(
    _ loaded: LoadedWorldModel, _ datasets: [Dataset], _ configuration: AgentConfiguration, _ details: RunMetadata,
    seed: Seed, _ output: URL
  ) throws {
    for dataset in datasets { try dataset.checkFits(details.observation, details.actions) }
    let imitation = configuration.imitation
    try imitation.checkMemory(features: loaded.model.sizes.features)
    let encoded = try EncodedEpisodes(loaded, datasets, configuration, details)
    loaded.model.freeze(computingIn: details.precision)
    let begun = Uptime.seconds
    var hasFitted = false
    let fitting: ProgressHandler = { reward, step, steps in
      hasFitted = true
      Observer.report(ProgressReport(label: "fitting \(reward)", step: step, total: steps, unit: "steps"))
      try Interruption.check("\(output.path): stopped while rewards were fitted; the same command goes on")
    }
    latentLearner =
      switch configuration.method {
      case .ditto, .dgail:
        try DITTO(
          loaded.model, imitation, expert: encoded.expert, windows: encoded.starts, mixed: encoded.mixed,
          details.precision, seed: seed, fitting: fitting)
      case .dbc:
        try DBC(loaded.model, configuration.cloning, imitation.policy, expert: encoded.starts, seed: seed)
      case .bc: preconditionFailure("'bc' has no world model")
      }
    if configuration.method != .dbc {
      let grade = try ModelGrade(
        of: Imagination(loaded.model, details.precision), on: encoded.heldOut ?? encoded.expert,
        compared: imitation.reward.compared, horizon: imitation.horizon, seed: seed.stream("grade"))
      Observer.note(grade.verdict)
      if imitation.reference == .rollout {
        Observer.warn(
          "imitation.reference=rollout compares dreams with where the expert's actions, replayed, lead in the model: that is another way than the expert's where a system is unstable, such as a balanced pole; it is for stable systems and short horizons"
        )
      }
    }
    if let learner = latentLearner as? DITTO, imitation.warmStart.cloningSteps > 0 {
      let cloner = try DBC(
        loaded.model, configuration.cloning, imitation.policy, expert: encoded.starts, seed: seed.stream("clone"))
      warmStart = (learner, cloner, imitation.warmStart.cloningSteps)
      let (critic, all) = (imitation.warmStart.criticSteps, configuration.training.steps)
      if critic >= all {
        Observer.warn(
          "only the critic learns in the first \(critic) steps (imitation.warmStart.criticSteps), and training.steps is \(all): the agent stays the clone that it begins as"
        )
      }
    } else {
      warmStart = nil
    }
    folder = output.path
    fittingSeconds = hasFitted ? Uptime.seconds - begun : 0
    validation = try encoded.heldOut.map {
      AgentValidation(
        windows: try WindowSampler(
          $0, horizon: imitation.horizon, batch: imitation.batch, seed: seed.stream("validation"),
          startShare: imitation.startShare),
        imagination: Imagination(loaded.model, details.precision), compared: imitation.reward.compared,
        scoredBy: configuration.method == .dbc ? .likelihood : .reward, seed: seed.stream("validation"))
    }
    steps = configuration.training.steps
  }

  var learner: any Learner { latentLearner }

  func begin() throws -> Bool {
    guard let (learner, cloner, steps) = warmStart else { return false }
    let progress = ProgressMeter("cloning", total: steps)
    for step in 0..<steps {
      try Interruption.check("\(folder): stopped while the expert was cloned; the same command begins again")
      _ = cloner.update(step: step, progress: Double(step) / Double(steps))
      progress.update(step + 1)
    }
    learner.begin(as: cloner.actor)
    return true
  }

  func beginningSeconds() throws -> Double {
    guard let (_, cloner, steps) = warmStart else { return 0 }
    let (warmUp, counted) = (2, 10)
    var begun = 0.0
    for step in 0..<warmUp + counted {
      if step == warmUp { begun = Uptime.seconds }
      _ = cloner.update(step: step, progress: 0)
    }
    return (Uptime.seconds - begun) / Double(counted) * Double(steps)
  }

  func update(step: Int) throws -> Metrics { latentLearner.update(step: step, progress: Double(step) / Double(steps)) }

  func validate() throws -> Metrics { validation?.metrics(of: latentLearner.policy) ?? [:] }
}

/// What there is to learn from and to validate on, as a world model's states.
private struct EncodedEpisodes {
  /// The expert's, which rewards are made of.
  let expert: ExpertLatents
  /// The same in several encodings, with pieces that begin on the way, which steps sample from.
  let starts: ExpertLatents
  /// The expert's that nothing is learned from; nil where none is as long as a dream.
  let heldOut: ExpertLatents?
  /// Other recordings' states, in which dreams begin; nil for none.
  let mixed: ExpertLatents?

  /// - Throws: `DemonstrationError`; `ExperimentError.nothingHeldOut`.
  init(
    _ loaded: LoadedWorldModel, _ datasets: [Dataset], _ configuration: AgentConfiguration, _ details: RunMetadata
  ) throws {
    let (dataset, imitation) = (datasets[0], configuration.imitation)
    let cache = LatentCache(loaded, details.precision)
    let latents = { (dataset: Dataset, episodes: Range<Int>, encodings: Int, restarts: Restarts?) in
      let encoded = try cache.latents(
        of: dataset, episodes: episodes, encodings: encodings, restarts: restarts, on: details.device)
      return configuration.latents.redraw ? encoded : encoded.fixed
    }
    let restarts =
      imitation.restartInterval == 0
      ? nil : Restarts(interval: imitation.restartInterval, length: 2 * imitation.horizon)
    expert = try latents(dataset, 0..<details.useEpisodes, 1, nil)
    starts = try latents(dataset, 0..<details.useEpisodes, configuration.latents.encodings, restarts)
    let others =
      details.useEpisodes..<min(details.useEpisodes + configuration.validationEpisodes, dataset.episodes.count)
    let longest = others.map { dataset.episodes[$0].length }.max() ?? 0
    guard longest >= imitation.horizon || configuration.selection != .offline else {
      throw ExperimentError.nothingHeldOut(dataset.name)
    }
    if longest > 0, longest < imitation.horizon {
      Observer.warn("the episodes held out are shorter than the horizon; there is no validation")
    }
    try dataset.warnOfCopies(in: others, of: 0..<details.useEpisodes)
    heldOut = longest < imitation.horizon ? nil : try latents(dataset, others, 1, nil)
    let recordings = try datasets.dropFirst().map { try latents($0, $0.episodes.indices, 1, nil) }
    mixed = recordings.isEmpty ? nil : ExpertLatents(joining: recordings)
  }
}

extension Dataset {
  /// Says which held-out episodes are the same as such that are learned from.
  func warnOfCopies(in heldOut: Range<Int>, of learned: Range<Int>) throws {
    let copies = try copies(in: heldOut, of: learned)
    guard !copies.isEmpty else { return }
    Observer.warn(
      "held-out episodes \(copies) are the same as such that are learned from; validation says nothing new of them")
  }
}

extension ImitationConfiguration {
  /// Of the windows of one step: their states' features in f32.
  /// - Throws: `ExperimentError.notEnoughMemory`.
  fileprivate func checkMemory(features: Int) throws {
    try MemoryNeed.require(
      Double(batch) * Double(horizon + 1) * Double(MemoryLayout<Float>.stride * features),
      for: "\(batch) dreams of \(horizon) steps", smaller: "imitation.batch or imitation.horizon")
  }
}
