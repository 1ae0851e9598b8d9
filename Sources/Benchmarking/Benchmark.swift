import Demonstrations
import Environments
import Evaluation
import Foundation
import Imitation
import Runs
import Settings
import Spaces
import Torch
import Training
import WorldModel

/// What a piece of work takes.
public struct BenchmarkResult: Codable, Sendable {
  public struct Seconds: Codable, Sendable {
    public let median: Double
    public let min: Double
    public let max: Double
  }
  /// What was measured.
  public let work: String
  /// That it was computed on, what that is, and by which version.
  public let device: Device
  public let deviceFacts: String
  public let libtorch: String
  /// That it was computed in.
  public let dtype: Precision
  public let threads: Int
  /// Of one repetition: a gradient step with clipping and optimiser; a set of episodes encoded; an action; a batch
  /// read.
  public let seconds: Seconds
  /// Frames per second; for an agent, imagined steps.
  public let rate: Double
  /// Floating-point operations in units of 10⁹ per second, where the work is arithmetic; see `FLOPs`.
  public let gigaflops: Double?
  /// How often each kernel of our own ran, by its name; what is not here libtorch computed.
  public let kernels: [String: Int]
  /// Of the rate of one large matrix product, measured in the same process.
  public let shareOfProduct: Double?
  /// The most memory the process has held, in GiB, and the most on the device, where that is not the CPU.
  public let peakMemory: Double
  public let peakDeviceMemory: Double?
}

/// Measures the pieces of work that a configuration asks for, on made-up data.
public struct Benchmark {
  let world: WorldModelConfiguration
  let agent: AgentConfiguration
  let frame: FrameShape
  let compute: Compute
  let repeats: Int

  /// Actions of the made-up environment: as many as the paper's authors give every game.
  private static let actionCount = 18

  public init(
    _ world: WorldModelConfiguration, _ agent: AgentConfiguration, frame: FrameShape, _ compute: Compute, repeats: Int
  ) {
    (self.world, self.agent, self.frame) = (world, agent, frame)
    (self.compute, self.repeats) = (compute, repeats)
  }

  private var random: RandomSource { RandomSource(Seed(0), on: compute.device) }
  private var work: FLOPs { FLOPs(sizes: world.model, frame: frame, actions: Self.actionCount) }
  private var pixelCount: Int { frame.dimensions.reduce(1, *) }
  private var observation: ObservationSpace {
    ObservationSpace(channels: frame.channels, height: frame.height, width: frame.width)
  }
  private var model: WorldModel {
    WorldModel(
      world.model, Normalizer(observation, mean: 127, deviation: 74, on: compute.device),
      actions: .discrete(Self.actionCount), using: random)
  }
  private func frames(_ count: Int) -> [UInt8] {
    var generator = Seed(0).stream("data").generator
    return (0..<count * pixelCount).map { _ in UInt8.random(in: 0...255, using: &generator) }
  }

  /// One step of the world model's learner.
  public func worldModel() -> BenchmarkResult {
    let (steps, batch) = (world.sequences.length, world.sequences.batch)
    let learner = WorldModelLearner(model, world.loss, world.optimizer, compute.precision)
    var generator = Seed(0).stream("actions").generator
    let data = SequenceBatch(
      length: steps, batch: batch, observation: observation, frames: frames(steps * batch),
      previousActions: (0..<steps * batch).map { _ in .discrete(Int.random(in: 0..<Self.actionCount, using: &generator))
      },
      isFirst: [Bool](repeating: false, count: steps * batch))
    return measured("world-model", items: steps * batch, flops: work.worldModelStep(frames: steps * batch)) { step in
      learner.update(on: data, using: RandomSource(Seed(0).step(step), on: compute.device))["loss/total"]!.item
    }
  }

  /// One DITTO update.
  public func agentStep() throws -> BenchmarkResult {
    let (c, w) = (agent.imitation, world.model)
    let frozen = model
    frozen.freeze(computingIn: compute.precision)
    let (count, random) = (2_000, random)
    let latents = ExpertLatents(
      deterministic: tanh(.normal([count, w.deterministic], using: random)),
      classes: (Tensor.uniform([count, w.groups], using: random) * Double(w.classes)).to(.uint8),
      actions: ActionSpace.discrete(Self.actionCount).uniform([count], using: random), lengths: [count],
      classCount: w.classes)
    let learner = try DITTO(frozen, c, expert: latents, compute.precision, seed: Seed(0))
    return measured("agent", items: c.horizon * c.batch, flops: work.agentStep(c)) { step in
      learner.update(step: c.warmStart.criticSteps + step, progress: 0)["critic/loss"]!.item
    }
  }

  /// 16 episodes of 512 frames to latents.
  public func encode() throws -> BenchmarkResult {
    let (episodes, length) = (16, 512)
    let (model, recorded) = (model, frames(length))
    let expert = (0..<episodes).map { _ in
      ExpertEpisode(actions: (1..<length).map { .discrete($0 % Self.actionCount) }, frames: recorded)
    }
    let items = episodes * length
    return try measured("encode", items: items, flops: Double(items) * work.filtering) { _ in
      try ExpertLatents(encoding: expert, with: model, compute.precision, seed: Seed(0)).deterministic
        .sliced(0..<1).sum().item
    }
  }

  /// One observation to one action, whose arithmetic is in f32 with weights as they are stored for acting: 100 of them
  /// in a repetition.
  public func act() throws -> BenchmarkResult {
    let networks = ActorCritic(
      features: world.model.features, actions: .discrete(Self.actionCount), agent.imitation.policy, using: random)
    let model = model
    model.freeze(computingIn: compute.precision)
    networks.actor.freeze(computingIn: compute.precision)
    let agent = Agent(model, networks.actor, choosing: .best, compute.precision, seed: Seed(0))
    let observation = frames(1)
    let flops = work.filtering + work.policy(self.agent.imitation.policy, outputs: Self.actionCount)
    return try measured("act", items: 1, flops: flops, repeats: 100 * repeats, arithmetic: .f32) { _ in
      Double(try agent.act(on: observation).description.count)
    }
  }

  /// One batch of sequences from recordings on disk, through the prefetching reader: 100 of them in a repetition, so
  /// that those that it made ahead do not count for much. Without recordings, from some of the road's that are made for
  /// this and read without a cache, as if there were no end to them.
  public func data(_ folders: [URL]) throws -> BenchmarkResult {
    let sequences = world.sequences
    let datasets = try folders.isEmpty ? [recorded()] : folders.map { try Dataset(at: $0) }
    let sampler = try SequenceSampler(
      datasets.map { EpisodeSelection($0) }, batch: sequences.batch, length: sequences.length,
      sampling: sequences.sampling, seed: Seed(0))
    let batches = try Prefetcher(from: 0) { try sampler.batch(step: $0) }
    return try measured("data", items: sequences.batch * sequences.length, flops: nil, repeats: 100 * repeats) { _ in
      Double(try batches.next().batch)
    }
  }

  /// A dataset of 20 episodes whose folder is gone already.
  private func recorded() throws -> Dataset {
    let folder = FileManager.default.temporaryDirectory.appending(path: "ditto-bench-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let recording = Recording(
      environment: "road", pipeline: PixelPipeline(.road, size: frame.height), episodes: 20, epsilons: [0], seed: 0)
    try recording.run(.scripted, named: "scripted", to: folder)
    return try Dataset(at: folder, cached: false)
  }

  /// Runs `body` twice to warm up, then `repeats` times; its result is waited for.
  private func measured(
    _ name: String, items: Int, flops: Double?, repeats: Int? = nil, arithmetic: Precision? = nil,
    _ body: (Int) throws -> Double
  ) rethrows -> BenchmarkResult {
    let (clock, before) = (ContinuousClock(), Libtorch.kernels)
    let times = try (0..<(repeats ?? self.repeats) + 2).map { step in
      try clock.measure { _ = try body(step) } / .seconds(1)
    }.dropFirst(2).sorted()
    let median = times[times.startIndex + times.count / 2]
    let (memory, device) = (ProcessMemory.peak, compute.device)
    let deviceMemory = device == .cpu ? nil : device.peakMemory
    let rate = flops.map { $0 / median / 1e9 }
    let runs = zip(before, Libtorch.kernels).map { ($1.name, $1.runs - $0.runs) }.filter { $0.1 > 0 }
    return BenchmarkResult(
      work: name, device: device, deviceFacts: device.facts, libtorch: Libtorch.version, dtype: compute.precision,
      threads: Libtorch.threads,
      seconds: .init(median: median, min: times.first!, max: times.last!), rate: Double(items) / median,
      gigaflops: rate, kernels: Dictionary(uniqueKeysWithValues: runs),
      shareOfProduct: rate.map { $0 / Self.productRate(arithmetic ?? compute.precision, on: device) },
      peakMemory: memory,
      peakDeviceMemory: deviceMemory)
  }

  /// Of one large matrix product, in 10⁹ floating-point operations per second: the best of several.
  private static func productRate(_ precision: Precision, on device: Device) -> Double {
    let (size, clock) = (4096, ContinuousClock())
    let type: ElementType = precision == .bf16 ? .bfloat16 : .float32
    let a = Tensor.normal([size, size], using: RandomSource(Seed(0), on: device)).to(type)
    // On a card a product is as short as the wait for it.
    let products = device == .cpu ? 1 : 20
    let seconds = (0..<4).map { _ in
      clock.measure {
        let last = (0..<products).reduce(a) { _, _ in a.matmul(a) }
        _ = last.sliced(0..<1).sum().item
      } / .seconds(1)
    }.min()!
    return Double(products) * 2 * Double(size * size) * Double(size) / seconds / 1e9
  }
}

extension BenchmarkResult: CustomStringConvertible {
  public var description: String {
    var parts = [
      "\(work), \(dtype.rawValue), \(threads) thread\(threads == 1 ? "" : "s"): "
        + String(format: "%.4g s (median; %.4g to %.4g)", seconds.median, seconds.min, seconds.max),
      String(format: work == "agent" ? "%.0f imagined steps/s" : "%.0f frames/s", rate),
    ]
    if let gigaflops, let shareOfProduct {
      parts.append(String(format: "%.0f GFLOP/s, %.0f %% of a large matrix product's", gigaflops, 100 * shareOfProduct))
    }
    parts.append(String(format: "peak memory %.2f GiB", peakMemory))
    if let peakDeviceMemory { parts.append(String(format: "on the device %.2f GiB", peakDeviceMemory)) }
    let own = kernels.isEmpty ? "none" : kernels.keys.sorted().joined(separator: ", ")
    let computedBy = device == .cpu ? "kernels of our own: \(own)" : "\(deviceFacts), libtorch \(libtorch)"
    return parts.joined(separator: ", ") + "\n\(computedBy)"
  }
}
