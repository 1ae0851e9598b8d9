import Demonstrations
import Environments
import Foundation
import Runs
import Settings
import Spaces
import Torch
import WorldModel

/// Where and how a trainer computes.
public struct Compute {
  public var device: Device
  public var precision: Precision

  public init(device: Device = .cpu, precision: Precision = .f32) {
    (self.device, self.precision) = (device, precision)
  }
}

/// Learns a world model from recordings, into a run's folder.
public enum WorldModelRun {
  /// Begins a run, and trains to its last step.
  /// - Parameters:
  ///   - data: folders of datasets with the same observations and actions.
  ///   - other: another run, whose weights and statistics of pixels it begins with; nil for none.
  /// - Throws: for bad data or an output in use, before anything is written; and as `TrainingLoop`.
  public static func start(
    at output: URL, data: [URL], _ configuration: WorldModelConfiguration, seed: UInt64, from other: URL? = nil,
    _ compute: Compute
  ) throws {
    let (trainer, details) = try prepare(output, data, configuration, seed, compute)
    var record = Record(kind: .worldModel, seed: seed, version: Build.version, started: Date(), details: details)
    if let other { record.from = try trainer.adopt(from: other, .worldModel) }
    let run = try RunFolder.create(at: output, configuration: configuration.yaml(.worldModel), record: record)
    try train(trainer, configuration, run, hasWeights: other != nil)
  }

  /// Measures what `start` would take, and writes nothing.
  public static func forecast(
    at output: URL, data: [URL], _ configuration: WorldModelConfiguration, seed: UInt64, _ compute: Compute
  ) throws -> Forecast {
    try prepare(output, data, configuration, seed, compute).0.forecast(steps: configuration.training.steps)
  }

  private static func prepare(
    _ output: URL, _ data: [URL], _ configuration: WorldModelConfiguration, _ seed: UInt64, _ compute: Compute
  ) throws -> (SequenceTrainer, RunMetadata) {
    try RunFolder.checkAvailable(output)
    let datasets = try data.map { try Dataset(at: $0, seeing: configuration.observation) }
    let (actions, notes) = try datasets.learnedActions(configuration.actions)
    notes.forEach(Observer.warn)
    for dataset in datasets where !dataset.leftOut.isEmpty {
      Observer.warn(
        "\(dataset.name): \(dataset.leftOut.joined(separator: ", ")) is text, which is left out of what is seen")
    }
    let details = RunMetadata(
      device: compute.device, precision: compute.precision, threads: Libtorch.threads,
      data: zip(data, datasets).map { .init($1, at: $0) },
      try datasets[0].supportedObservation, of: datasets[0].view.changed, actions, useEpisodes: 0, worldModel: nil)
    let pipeline = configuration.pipeline
    if pipeline.kind != .none,
      let frame = datasets[0].view.recorded.images.first.flatMap({ datasets[0].view.recorded.fields[$0].frame }),
      frame.height != pipeline.size
    {
      throw ExperimentError.wrongPixels(dataset: datasets[0].name, found: frame.height, pipeline: pipeline.size)
    }
    for dataset in datasets { try dataset.checkFits(pipeline) }
    let names = details.observation.fields.map(\.name)
    if let unknown = configuration.loss.namedFields.first(where: { !names.contains($0) }) {
      throw ExperimentError.notAnOption(
        "loss.fields has '\(unknown)'", allowed: "what is seen is \(names.joined(separator: ", "))")
    }
    let trainer = try SequenceTrainer(datasets, configuration, details, seed: Seed(seed))
    try Interruption.check("\(output.path): stopped before its first step; the same command begins it again")
    return (trainer, details)
  }

  /// The pipeline of the datasets' pixels, where their recorder wrote it down, as a layer for a configuration; else what
  /// the first one's environment was made with.
  /// - Throws: `DemonstrationError`; `ExperimentError.pipelinesDiffer`.
  public static func pipelineLayer(of data: [URL]) throws -> [Preset] {
    let datasets = try data.map { try Dataset(at: $0) }
    let known = try datasets.compactMap { dataset in
      try PixelPipeline.recorded(in: dataset).map { (dataset.name, $0) }
    }
    guard let (name, pipeline) = known.first else { return try datasets.prefix(1).flatMap { try $0.argumentsLayer() } }
    if let other = known.first(where: { $0.1 != pipeline }) { throw ExperimentError.pipelinesDiffer(name, other.0) }
    var configuration = WorldModelConfiguration()
    configuration.pipeline = pipeline
    return [Preset(name: name, yaml: try configuration.yaml(.worldModel))]
  }

  /// Another run's configuration, as a layer for one that begins with its weights.
  /// - Throws: `RunError`.
  public static func layers(of other: URL) throws -> [Preset] {
    try Record(from: other, kind: .worldModel).layers(in: other)
  }

  /// Goes on with a run from its newest good checkpoint.
  /// - Parameters:
  ///   - threads: to compute with; nil for as many as it began with, without which its bits differ.
  ///   - steps: that it makes beyond those it was to make; see `RunRecord.extend`.
  /// - Throws: `RunError`; `ExperimentError.dataChanged` where a dataset is not what it was.
  public static func resume(at output: URL, threads: Int? = nil, extendedBy steps: Int? = nil) throws {
    let run = try RunFolder.open(at: output)
    let (trainer, configuration) = try Record.extending(
      output, .worldModel, by: steps, WorldModelConfiguration.self, \.training
    ) { try reopened(output, threads) }
    try train(trainer, configuration, run, from: Record(from: output, kind: .worldModel).from)
  }

  /// The trainer of a run, as it was before its first step.
  static func trainer(of run: URL, threads: Int?) throws -> any Trainer { try reopened(run, threads).trainer }

  private static func reopened(_ output: URL, _ threads: Int?) throws -> (
    trainer: SequenceTrainer, configuration: WorldModelConfiguration
  ) {
    let record = try Record(from: output, kind: .worldModel)
    let configuration = try WorldModelConfiguration.load(.worldModel, from: record.layers(in: output))
    _ = try record.details.device.required()
    Libtorch.set(threads: threads, begunWith: record.details.threads)
    return (
      try SequenceTrainer(
        record.details.openData(seeing: configuration.observation), configuration, record.details,
        seed: Seed(record.seed)), configuration
    )
  }

  private static func train(
    _ trainer: SequenceTrainer, _ configuration: WorldModelConfiguration, _ run: RunFolder, hasWeights: Bool = false,
    from: String? = nil
  ) throws {
    let loop = TrainingLoop(
      trainer: trainer, run: run, configuration: configuration.training, label: "world model",
      shown: [("image", "loss/image"), ("kl", "loss/kl_nats")], alarms: [.posterior], hasWeights: hasWeights,
      from: from)
    try loop()
  }
}

extension SequenceTrainer {
  /// Sequences that validation measures on.
  private static let validationBatch = 16

  /// Learns a world model.
  convenience init(
    _ datasets: [Dataset], _ configuration: WorldModelConfiguration, _ details: RunMetadata, seed: Seed
  ) throws {
    let sequences = configuration.sequences
    try MemoryNeed.require(
      MemoryNeed.bytes(ofBatches: Double(sequences.batch) * Double(sequences.length), details.observation),
      for: "a batch of \(sequences.batch) sequences of \(sequences.length) frames, with those read ahead,",
      smaller: "sequences.batch or sequences.length")
    let (training, heldOut) = try split(
      datasets, validationShare: sequences.validationShare, seed: seed.stream("split"))
    let sampler = try SequenceSampler(
      training, batch: sequences.batch, length: sequences.length, sampling: sequences.sampling,
      seed: seed.stream("sequences"))
    let model = WorldModel(
      configuration.model, try Normalizer(over: training, configuration.pixels, on: details.device),
      actions: details.actions, using: RandomSource(seed.stream("model"), on: details.device))
    let unseen = heldOut.flatMap { part in part.episodes.map { part.dataset.episodes[$0].frameCount } }.reduce(0, +)
    if unseen > 0, unseen < sequences.length {
      Observer.warn("the \(unseen) frames held out are fewer than a sequence; there is no validation")
    }
    let validation =
      unseen < sequences.length
      ? nil
      : WorldModelValidation(
        model: model,
        batch: try SequenceSampler(
          heldOut, batch: Self.validationBatch, length: sequences.length, sampling: .frames,
          seed: seed.stream("validation")
        ).batch(step: 0),
        loss: configuration.loss, seed: seed.stream("validation"))
    self.init(
      WorldModelLearner(model, configuration.loss, configuration.optimizer, details.precision), sampler,
      steps: configuration.training.steps, draws: seed.stream("draws"), on: details.device,
      validated: { validation?.metrics() ?? [:] })
  }
}

extension RunMetadata {
  /// Opens the run's data again.
  /// - Throws: `DemonstrationError`; `ExperimentError.dataChanged`.
  package func openData(seeing: ObservationConfiguration) throws -> [Dataset] {
    try data.map { source in
      let dataset = try Dataset(at: URL(fileURLWithPath: source.path), seeing: seeing)
      guard try dataset.wasFingerprinted(as: source.fingerprint) else {
        let found = Source(dataset, at: URL(fileURLWithPath: source.path)).contents
        let isCounted = source.contents != nil && source.contents != found
        throw ExperimentError.dataChanged(
          source.path,
          difference: isCounted
            ? "\(found!), where there were \(source.contents!)" : "other pixels, actions, rewards or metadata")
      }
      return dataset
    }
  }
}

extension RunMetadata.Source {
  init(_ dataset: Dataset, at folder: URL) {
    self.init(
      path: folder.standardizedFileURL.path, fingerprint: dataset.fingerprint,
      contents: "\(dataset.episodes.count) episodes of \(dataset.episodes.reduce(0) { $0 + $1.length }) steps")
  }
}

extension Dataset {
  /// - Throws: `ExperimentError.unsupportedFrames` where there are no networks for the dataset's frames.
  var supportedObservation: ObservationSpace {
    get throws {
      guard observation.isSupported else { throw ExperimentError.unsupportedFrames(name, "\(observation)") }
      return observation
    }
  }

  /// - Throws: `ExperimentError` where its frames or actions are not what a model was trained on.
  package func checkFits(_ shown: ObservationSpace, _ done: ActionSpace) throws {
    guard actions.fits(done) else { throw ExperimentError.wrongActions(what: name, found: actions, expected: done) }
    guard try supportedObservation.fits(shown) else {
      throw ExperimentError.wrongFrames(environment: name, found: "\(observation)", expected: "\(shown)")
    }
  }

  /// - Throws: `ExperimentError.otherPipeline` where its recorder wrote down that its frames were made otherwise.
  package func checkFits(_ pipeline: PixelPipeline) throws {
    guard let own = try PixelPipeline.recorded(in: self) else { return }
    guard (own.kind, own.size, own.frameSkip) == (pipeline.kind, pipeline.size, pipeline.frameSkip),
      (own.crop, own.vector) == (pipeline.crop, pipeline.vector)
    else { throw ExperimentError.otherPipeline(name) }
  }
}

extension Normalizer {
  /// With the statistics of some episodes.
  convenience init(over selections: [EpisodeSelection], _ configuration: PixelConfiguration, on device: Device) throws {
    let space = selections[0].dataset.observation
    self.init(
      space,
      try space.fields.enumerated().map { index, field in
        switch field.kind {
        case .image:
          return .image(
            PixelNormalizer(
              try PixelStatistics(over: selections, field: index), configuration, field.frame!, on: device))
        case .vector:
          let statistics = try VectorStatistics(over: selections, field: index)
          // Numbers that never change have no deviation to divide by.
          return .vector(
            VectorNormalizer(
              mean: statistics.means, deviation: statistics.deviations.map { $0 > 1e-6 ? $0 : 1 }, on: device))
        case .classes(let counts): return .classes(counts)
        }
      })
  }
}

extension PixelNormalizer {
  convenience init(
    _ statistics: PixelStatistics, _ configuration: PixelConfiguration, _ frame: FrameShape, on device: Device
  ) {
    let count = frame.dimensions.reduce(1, *)
    // Pictures that are all of one grey have no deviation to divide by.
    let overall = max(statistics.deviation, 1)
    switch configuration.scaling {
    case .global:
      self.init(
        mean: [Float](repeating: statistics.mean, count: count), deviation: [Float](repeating: overall, count: count),
        frame, on: device)
    case .perPixel:
      let least = Float(configuration.floor) * overall
      self.init(
        mean: statistics.pixelMeans, deviation: statistics.pixelDeviations.map { max($0, least) }, frame, on: device)
    }
  }
}

extension SequenceBatch {
  /// As people may want to look at it: frames `[T, B, bytes]`, the actions that led to them as networks take them, and
  /// where episodes begin.
  func tensors(_ actions: ActionSpace) -> NamedTensors {
    [
      (
        "frames",
        frames.withUnsafeBytes { Tensor(bytes: $0, [length, batch, observation.frameSize], .uint8, on: .cpu) }
      ),
      ("previous_actions", actions.rows(previousActions, on: .cpu).unflattened([length, batch])),
      ("is_first", Tensor(isFirst.map { Int64($0 ? 1 : 0) }, [length, batch])),
    ]
  }
}
