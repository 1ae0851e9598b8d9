import Configuration
import Demonstrations
import Foundation
import Imitation
import Torch
import WorldModel

/// Seconds that one piece of work takes.
public struct BenchmarkResult: Codable, Sendable {
  public struct Seconds: Codable, Sendable {
    public let median: Double
    public let min: Double
    public let max: Double
  }
  /// What was measured.
  public let work: String
  public let dtype: Precision
  public let threads: Int
  /// Of one gradient step, forward and backward pass, clipping and optimiser included.
  public let seconds: Seconds
  /// Frames, or imagined steps, per second.
  public let rate: Double
  /// The most memory the process has held, in GiB.
  public let peakMemory: Double
}

/// Measures gradient steps on made-up data of the sizes that a configuration asks for.
public enum Benchmark {
  /// Actions of the made-up environment: as many as the paper's authors give every game.
  private static let actions = 18

  /// One step of the world model's trainer on frames of `side` pixels.
  public static func worldModel(
    _ c: WorldModelConfiguration, side: Int, precision: Precision, device: Device, repeats: Int
  ) -> BenchmarkResult {
    let frame = FrameShape(channels: 1, side: side)
    let (steps, batch) = (c.sequences.length, c.sequences.batch)
    let trainer = WorldModelTrainer(
      WorldModel(c.model, frame: frame, actions: actions, using: RandomSource(Seed(0), on: device)),
      PixelNormalizer(mean: [Float](repeating: 127, count: side * side), deviation: [Float](repeating: 74, count: side * side), frame, on: device),
      c.loss, c.optimizer, precision)
    var generator = Seed(0).stream("data").generator
    let data = SequenceBatch(
      length: steps, batch: batch, observation: ObservationSpace(height: side, width: side),
      frames: (0..<steps * batch * side * side).map { _ in UInt8.random(in: 0...255, using: &generator) },
      previousActions: (0..<steps * batch).map { _ in Int32.random(in: 0..<Int32(actions), using: &generator) },
      isFirst: [Bool](repeating: false, count: steps * batch))
    return measured("world-model", precision, repeats, items: steps * batch) { step in
      trainer.update(on: data, using: RandomSource(Seed(0).step(step), on: device))["loss/total"]!
    }
  }

  /// One DITTO update in a world model of the configured sizes.
  public static func agent(
    _ w: WorldModelConfiguration, _ c: ImitationConfiguration, side: Int, precision: Precision, device: Device, repeats: Int
  ) throws -> BenchmarkResult {
    let random = RandomSource(Seed(0), on: device)
    let model = WorldModel(w.model, frame: FrameShape(channels: 1, side: side), actions: actions, using: random)
    model.freeze()
    let count = 2_000
    let latents = ExpertLatents(
      deterministic: tanh(.normal([count, w.model.deterministic], using: random)),
      classes: (Tensor.uniform([count, w.model.groups], using: random) * Double(w.model.classes)).to(.uint8),
      actions: (Tensor.uniform([count], using: random) * Double(actions)).to(.int64), lengths: [count], classCount: w.model.classes)
    let windows = try WindowSampler(latents, horizon: c.windowSteps, batch: c.batch, seed: Seed(0))
    let learner = Ditto(model, c, precision, seed: Seed(0))
    return measured("agent", precision, repeats, items: c.horizon * c.batch) { step in
      learner.update(on: windows.windows(step: step), step: step, using: RandomSource(Seed(0).step(step), on: device))["critic/loss"]!
    }
  }

  /// Runs `body` twice to warm up, then `repeats` times; its result is waited for.
  private static func measured(_ work: String, _ precision: Precision, _ repeats: Int, items: Int, _ body: (Int) -> Tensor) -> BenchmarkResult {
    let clock = ContinuousClock()
    let times = (0..<repeats + 2).map { step in clock.measure { _ = body(step).item } / .seconds(1) }.dropFirst(2).sorted()
    let median = times[times.startIndex + times.count / 2]
    return BenchmarkResult(
      work: work, dtype: precision, threads: Libtorch.threads, seconds: .init(median: median, min: times.first!, max: times.last!),
      rate: Double(items) / median, peakMemory: ProcessMemory.peak)
  }
}

/// What this process holds.
public enum ProcessMemory {
  /// The most resident memory so far, in GiB.
  public static var peak: Double {
    var usage = rusage()
    #if os(macOS)
      getrusage(RUSAGE_SELF, &usage)
    #else
      getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    #endif
    #if os(macOS)
      return Double(usage.ru_maxrss) / Double(1 << 30)
    #else
      return Double(usage.ru_maxrss) / Double(1 << 20)
    #endif
  }
}

extension BenchmarkResult: CustomStringConvertible {
  public var description: String {
    "\(work), \(dtype.rawValue), \(threads) threads: "
      + String(
        format: "%.3f s a step (median; %.3f to %.3f), %.0f frames/s, peak memory %.2f GiB", seconds.median, seconds.min, seconds.max, rate,
        peakMemory)
  }
}
